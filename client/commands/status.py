"""`status`: shows workers, queue, versions and memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from client.api.addresses import listens, place_of
from client.commands import report
from client.commands.report import print_line
from client.errors import ServerUnreachable
from client.operations.worker_process import resident_bytes

if TYPE_CHECKING:
    import argparse

    from client.api.models import ModelStatus
    from client.connection import Connection

_CONNECT_S = 3.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the output format."""
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Show workers, queue and versions."""
    management, addresses = connection.management(), connection.addresses
    if _listens(addresses.inference) and not _listens(addresses.management):
        raise ServerUnreachable(
            "TorchServe has ended, and the front before it answers 503; `make logs` shows its "
            "last lines, `make serve` starts it again"
        )
    health = connection.inference().ping()
    default = management.describe(connection.model).version
    versions = management.describe_all(connection.model)
    if addresses.on_this_machine:
        versions = [_with_memory(version) for version in versions]
    if options.json:
        print_line(report.status_json(health, versions))
    else:
        print_line(report.status_text(addresses.inference, health, versions, default))
    return 0


def _listens(url: str) -> bool:
    """Whether anything listens there; a front without TorchServe behind it answers late."""
    return listens(*place_of(url), patience_s=_CONNECT_S)


def _with_memory(version: ModelStatus) -> ModelStatus:
    workers = (
        worker if worker.memory_bytes else replace(worker, memory_bytes=resident_bytes(worker.pid))
        for worker in version.workers
    )
    return replace(version, workers=tuple(workers))
