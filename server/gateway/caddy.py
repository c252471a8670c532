"""One Caddy: its folder, its process and its signals.

front.json   its configuration, keys included, mode 0600
state/       what Caddy keeps for itself
arriving     the Unix socket of its server that reads large bodies before they take a place
grpc         the same for gRPC
refused      the same for those that have waited for too long
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from server.gateway.errors import GatewayError
from server.processes import is_alive, processes_of
from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "caddy"
_CONFIGURATION = "front.json"
_POLL_S = 0.05


class Caddy:
    """The Caddy of a folder.

    Args:
        folder: For its configuration and its state; need not survive a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._configuration = self._folder / _CONFIGURATION
        self._process: psutil.Process | None = None

    def start(self, configuration: dict[str, Any], console: Path | None = None) -> None:
        """Start it, and wait until it listens everywhere; it stays when this process ends.

        Args:
            configuration: Its own JSON.
            console: File to append what it says to; None for this process's standard output.

        Raises:
            GatewayError: It is not installed, or ends.
        """
        program = find_caddy()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = str(self._folder / "state")
        environment = os.environ | dict.fromkeys(
            ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), state
        )
        # Collect at half as much garbage as Go's default: the front has little live memory, and few
        # requests a second, so memory is worth more than the collector's time.
        environment.setdefault("GOGC", "50")
        environment.pop("NOTIFY_SOCKET", None)  # systemd is told by us when all is ready
        self._write(configuration)
        output = console.open("ab") if console else None
        try:
            started = subprocess.Popen(  # noqa: S603  our own command line
                [program, "run", "--config", str(self._configuration)],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process, which ends it in order
                umask=0o077,
            )
        finally:
            if output:
                output.close()
        self._process = psutil.Process(started.pid)
        self._wait(started, configuration)

    def _wait(self, started: subprocess.Popen[bytes], configuration: dict[str, Any]) -> None:
        servers = configuration["apps"]["http"]["servers"].values()
        places = [place for each in servers for place in each["listen"]]
        # Who finds none of the front's own sockets yet tries again.
        wanted = {int(each.rsplit(":", 1)[1]) for each in places if not each.startswith("unix/")}
        assert self._process is not None  # noqa: S101  `start` has just set it
        while not wanted <= _listens_on(started.pid):
            if not is_alive(self._process):
                started.wait()
                raise GatewayError(f"the front ended while starting: {_cause(configuration)}")
            time.sleep(_POLL_S)
        started.returncode = 0  # it outlives this object, which is no reason to warn

    def _write(self, configuration: dict[str, Any]) -> None:
        write_text(self._configuration, json.dumps(configuration, indent=1) + "\n", mode=0o600)

    def update(self, configuration: dict[str, Any]) -> None:
        """Make it take another configuration, if that is another.

        What is in flight goes on. A connection that nobody has accepted yet at that moment is
        reset.
        """
        if json.loads(self._configuration.read_text(encoding="utf-8")) == configuration:
            return
        self._write(configuration)
        for process in self.processes():
            process.send_signal(signal.SIGUSR1)

    def processes(self) -> Iterator[psutil.Process]:
        """Yield its process, whoever started it."""
        return processes_of(PROGRAM, str(self._configuration))

    def is_running(self) -> bool:
        """Whether it runs."""
        if self._process is None:  # of another command, or none
            self._process = next(self.processes(), None)
        if self._process is None or is_alive(self._process):
            return self._process is not None
        with contextlib.suppress(psutil.Error):
            self._process.wait(0)  # or it would stay a zombie, where it was our child
        return False

    def end(self, grace_s: float) -> bool | None:
        """Let it finish its requests, then stop it; by force after `grace_s` seconds.

        Returns:
            Whether it ended by itself; None if it did not run.
        """
        processes = list(self.processes())
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, alive = psutil.wait_procs(processes, timeout=grace_s)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive)
        return not alive if processes else None


def _cause(configuration: dict[str, Any]) -> str:
    """Return what it wrote to its log last, which is why it ended."""
    writer = configuration["logging"]["logs"]["default"]["writer"]
    try:
        lines = Path(writer["filename"]).read_text(encoding="utf-8").splitlines()
        return str(json.loads(lines[-1])["msg"])
    except (OSError, LookupError, ValueError):
        return "its output above says why"


def find_caddy() -> str:
    """Return the program: from the requirements, else from the machine.

    Raises:
        GatewayError: There is none.
    """
    beside = Path(sys.executable).with_name(PROGRAM)
    program = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if program is None:
        raise GatewayError(
            f"there is no {PROGRAM} beside {sys.executable}, nor on PATH; delete {sys.prefix}, "
            "and `make serve` installs it anew (requirements/serve.txt)"
        )
    return program


def _listens_on(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return set()
    return {
        connection.laddr.port
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
