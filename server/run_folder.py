"""The run folder: the working directory of one server, and the record of what runs there.

config.properties   the settings it was started with
key_file.json       its tokens, written by TorchServe, mode 0600
logs/               server.log, worker.log, access.log, console.log
tmp/                its TMPDIR: unpacked archives, TorchServe's own pid file
tls/                the certificate that was made here, and its key
rollout.json        what the last deployment replaced, written by `client.operations.rollout`
server.json         process id and start time, addresses, certificate
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil

from client.run_record import RECORD_NAME
from server.errors import StartError
from storage.files import write_text
from storage.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from client.api.addresses import Addresses


@dataclass(frozen=True)
class RunFolder:
    """Paths in the working directory of one server."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings that the server was started with."""
        return self.path / "config.properties"

    @property
    def key_file(self) -> Path:
        """TorchServe's tokens."""
        return self.path / "key_file.json"

    @property
    def logs(self) -> Path:
        """The folder of log files."""
        return self.path / "logs"

    @property
    def temporary(self) -> Path:
        """The server's TMPDIR."""
        return self.path / "tmp"

    @property
    def tls(self) -> Path:
        """The folder of the certificate that was made here."""
        return self.path / "tls"

    @property
    def _record(self) -> Path:
        return self.path / RECORD_NAME

    def check_own(self) -> None:
        """Check that what every start empties is a server's.

        Raises:
            StartError: The folder has files in `logs` or `tmp`, and no server was started from it.
        """
        emptied = [path for path in (self.logs, self.temporary) if path.is_dir()]
        if not self.config.exists() and any(any(path.iterdir()) for path in emptied):
            raise StartError(
                f"{self.path} is no server's folder, and starting would empty "
                f"{' and '.join(str(path) for path in emptied)}; name another with RUN_DIR=..."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other starts and stops out, for as long as the record does not say what runs."""
        with locked(self.path):
            yield

    def create(self) -> None:
        """Create the folders; keys and logs are nobody else's business."""
        for folder in (self.path, self.logs, self.temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def record(
        self,
        process: psutil.Process,
        port: int,
        addresses: Addresses,
        certificate: Path | None = None,
    ) -> None:
        """Remember the server's process and, for `client.run_record`, how to reach it.

        Args:
            process: The front end.
            port: The first of its ports.
            addresses: Its APIs, as this machine reaches them.
            certificate: What it shows of itself, if it speaks TLS.
        """
        entry = {
            "pid": process.pid,
            "created": process.create_time(),
            "port": port,
            "addresses": asdict(addresses),
            "certificate": str(certificate.resolve()) if certificate else None,
        }
        write_text(self._record, json.dumps(entry) + "\n")

    def forget(self) -> None:
        """Remove what would claim that a server runs here."""
        for path in (self._record, self.key_file, self.temporary / ".model_server.pid"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forget a server that has ended, and remove what it unpacked."""
        self.forget()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def server(self) -> tuple[psutil.Process, int] | None:
        """Return the running server's process and first port; None if none runs here.

        A process id that now belongs to somebody else is told apart by its start time.
        """
        try:
            entry = json.loads(self._record.read_text(encoding="utf-8"))
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["created"]) > 1 or not process.is_running():
                return None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process, int(entry["port"])
