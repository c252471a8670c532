"""What each command does: calls the clients, prints the result, returns the exit code.

Not responsible for arguments (`client.cli`) or for how results look (`client.report`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from client import report
from client.errors import ClientError, KeyFileError, LocalFileError
from client.inference import InferenceClient
from client.inputs import local_file
from client.interruption import undo_on_sigterm
from client.key_file import KEY_FILE_NAME
from client.management import ManagementClient
from client.model_store import find_model_store
from client.scaling import scale_safely
from client.tokens import Tokens, find_tokens
from client.worker_process import resident_bytes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from client.addresses import Addresses
    from client.models import ModelStatus
    from client.trust import Trust


@dataclass(frozen=True)
class Connection:
    """One server, as the command line names it.

    `run_dir` is the server's working directory, with its key file; None where no file is to be
    used, such as for a server elsewhere, which must not be sent this machine's keys.
    """

    addresses: Addresses
    model: str
    run_dir: Path | None
    timeout_s: float
    trust: Trust | None = None

    @cached_property
    def tokens(self) -> Tokens:
        """The tokens of this server."""
        return find_tokens(self.run_dir, self.addresses.management)

    def inference(self, version: str | None = None) -> InferenceClient:
        """Return a client of the inference API."""
        return InferenceClient(
            self.addresses.inference,
            self.model,
            version=version,
            tokens=self.tokens,
            timeout_s=self.timeout_s,
            trust=self.trust,
        )

    def management(self) -> ManagementClient:
        """Return a client of the management API."""
        return ManagementClient(
            self.addresses.management, tokens=self.tokens, timeout_s=self.timeout_s
        )


def predict(connection: Connection, options: argparse.Namespace) -> int:
    """Classify files; 1 if any of them failed."""
    files: list[str] = options.files
    file_width = max(len(file) for file in files)
    failed = 0
    paths = (local_file(file) for file in files)
    results = connection.inference(options.version).predict_many(paths, options.concurrency)
    for file, (_, result) in zip(files, results, strict=True):
        failed += isinstance(result, ClientError)
        if options.json:
            _print(report.prediction_json(file, result, top=options.top))
        elif isinstance(result, ClientError):
            # Both streams are often one terminal: lines must not overtake each other.
            sys.stdout.flush()
            sys.stderr.write(f"{file:<{file_width}}  {result}\n")
        else:
            _print(report.prediction_line(file, result, file_width=file_width, top=options.top))
    if failed:
        raise ClientError(f"{failed} of {len(files)} files failed")
    return 0


def explain(connection: Connection, options: argparse.Namespace) -> int:
    """Explain one file: as JSON on standard output, or as a PNG file."""
    client = connection.inference(options.version)
    image = local_file(options.file)
    if options.output is None:
        _print(report.as_json(client.explain(image)))
        return 0
    overlay = client.explain_png(image)
    try:
        options.output.write_bytes(overlay)
    except OSError as error:
        raise LocalFileError(f"cannot write {options.output}: {error.strerror}") from error
    _print(str(options.output))
    return 0


def scale(connection: Connection, options: argparse.Namespace) -> int:
    """Set the number of workers."""
    undo_on_sigterm()
    words = scale_safely(
        connection.management(),
        connection.addresses.metrics,
        connection.model,
        options.workers,
        store=find_model_store(connection.run_dir),
        deadline_s=options.deadline,
        force=options.force,
    )
    _print(words)
    return 0


def status(connection: Connection, options: argparse.Namespace) -> int:
    """Show workers, queue and versions."""
    management = connection.management()
    health = connection.inference().ping()
    default = management.describe(connection.model).version
    versions = management.describe_all(connection.model)
    if connection.addresses.on_this_machine:
        versions = [_with_memory(version) for version in versions]
    if options.json:
        _print(report.status_json(health, versions))
    else:
        server = connection.addresses.inference
        _print(report.status_text(server, health, versions, default))
    return 0


def token(connection: Connection, options: argparse.Namespace) -> int:
    """Print a token that is valid now; the only place where one is shown."""
    found = connection.tokens.current(options.type)
    if found is None:
        raise KeyFileError(
            f"there is no {connection.run_dir or 'run'}/{KEY_FILE_NAME}: is the server running "
            "(make serve), with token authorization, and does --run-dir name its directory?"
        )
    _print(found)
    return 0


def register(connection: Connection, options: argparse.Namespace) -> int:
    """Register an archive."""
    words = connection.management().register(
        options.url, model_name=options.name, initial_workers=options.workers
    )
    _print(words)
    return 0


def unregister(connection: Connection, options: argparse.Namespace) -> int:
    """Unregister a version."""
    _print(connection.management().unregister(connection.model, options.version))
    return 0


def set_default(connection: Connection, options: argparse.Namespace) -> int:
    """Make a version the default one."""
    _print(connection.management().set_default(connection.model, options.version))
    return 0


def list_models(connection: Connection, options: argparse.Namespace) -> int:  # noqa: ARG001
    """List the models."""
    _print(report.models_text(connection.management().list_models()))
    return 0


def _with_memory(version: ModelStatus) -> ModelStatus:
    workers = (
        worker if worker.memory_bytes else replace(worker, memory_bytes=resident_bytes(worker.pid))
        for worker in version.workers
    )
    return replace(version, workers=tuple(workers))


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
