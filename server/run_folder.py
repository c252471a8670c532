"""The run folder: the working directory of one server, and the record of what runs there.

config.properties   the settings it was started with
key_file.json       its tokens, written by TorchServe, mode 0600
logs/               server.log, worker.log, access.log, front.log, console.log
tmp/                its TMPDIR: unpacked archives, TorchServe's own pid file
tmp/archives/       the only archives that it serves: copies that match their stamps
tmp/front/          the front's configuration, keys included, and its state
tls/                the created certificate, and its key
clients/            the keys of the front's clients, one a file; `local` is this machine's own
rollout.json        what the last deployment replaced, written by `client.operations.rollout`
server.json         its process, addresses, certificate
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from client.api.addresses import listens
from client.api.key_file import KEY_FILE_NAME, OWN_KEY
from client.operations.model_store import CONFIG_NAME
from client.run_record import RECORD_NAME
from server.errors import Busy, StartError
from server.processes import FRONT_END, Identity, processes_of
from storage.errors import InUse
from storage.files import write_text
from storage.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

    from client.api.addresses import Addresses

# The management API's is the second of the server's ports.
_ADDRESS = re.compile(r"^management_address=http://(.+):(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class RunFolder:
    """Paths in the working directory of one server."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings that the server was started with."""
        return self.path / CONFIG_NAME

    @property
    def key_file(self) -> Path:
        """TorchServe's tokens."""
        return self.path / KEY_FILE_NAME

    @property
    def logs(self) -> Path:
        """The folder of log files."""
        return self.path / "logs"

    @property
    def temporary(self) -> Path:
        """The server's TMPDIR."""
        return self.path / "tmp"

    @property
    def archives(self) -> Path:
        """The folder of the only archives that the server serves."""
        return self.temporary / "archives"

    @property
    def front(self) -> Path:
        """The front's own files."""
        return self.temporary / "front"

    @property
    def clients(self) -> Path:
        """The folder of the front's clients' keys."""
        return self.path / OWN_KEY[0]

    @property
    def tls(self) -> Path:
        """The folder of the created certificate."""
        return self.path / "tls"

    @property
    def _record(self) -> Path:
        return self.path / RECORD_NAME

    def check_own(self) -> None:
        """Check that the folders that a start empties are a server's.

        Raises:
            StartError: There are files in `logs` or `tmp`, but no server was started from here.
        """
        emptied = [path for path in (self.logs, self.temporary) if path.is_dir()]
        if not self.config.exists() and any(any(path.iterdir()) for path in emptied):
            raise StartError(
                f"{self.path} is not a server's folder, and starting would empty "
                f"{' and '.join(str(path) for path in emptied)}; name another with RUN_DIR=..."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing what is served; see `client.operations.run_lock`.

        Raises:
            Busy: Another process is changing it; the message names it.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path, wait=False))
            except InUse as error:
                raise Busy(f"{error}; wait until that ends, or end it") from error
            yield

    def create(self) -> None:
        """Create the folders, with keys and logs readable only by their owner."""
        for folder in (self.path, self.logs, self.temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def record(
        self,
        process: psutil.Process,
        port: int,
        addresses: Addresses,
        certificate: Path | None = None,
        archives: Path | None = None,
    ) -> None:
        """Record the server's process and, for `client.run_record`, how to reach it.

        Args:
            process: The front end.
            port: The first of its ports.
            addresses: Its APIs' addresses from this machine.
            certificate: Its certificate, if it speaks TLS.
            archives: The folder that archives are copied from.
        """
        entry = {
            **asdict(Identity.of(process.pid)),
            "port": port,
            "addresses": asdict(addresses),
            "certificate": str(certificate.resolve()) if certificate else None,
            "archives": str(archives.absolute()) if archives else None,
        }
        write_text(self._record, json.dumps(entry) + "\n")

    def forget(self) -> None:
        """Remove the files that say that a server runs here."""
        for path in (self._record, self.key_file, self.temporary / ".model_server.pid"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the record of a server that has exited, and what it unpacked."""
        self.forget()
        shutil.rmtree(self.temporary, ignore_errors=True)

    def server(self) -> tuple[psutil.Process, int] | None:
        """Return the running server's process and first port; None if none runs here.

        The record decides. If it is missing or names another process, a front end that was started
        with this folder's settings and answers also counts.
        """
        return self._recorded() or self._unrecorded()

    def _recorded(self) -> tuple[psutil.Process, int] | None:
        try:
            entry = json.loads(self._record.read_text(encoding="utf-8"))
            process = Identity(entry["pid"], entry["start_ticks"], entry["boot_id"]).process()
            return (process, int(entry["port"])) if process else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _unrecorded(self) -> tuple[psutil.Process, int] | None:
        try:
            found = _ADDRESS.findall(self.config.read_text(encoding="utf-8"))
        except OSError:
            return None
        for process in processes_of(FRONT_END, str(self.config.resolve())):
            host, port = found[-1] if found else ("", "0")
            if listens(host, int(port)):
                return process, int(port) - 1
        return None
