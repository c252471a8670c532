"""Restarts a command whenever it ends, as systemd does for deploy/systemd/marigold.service.

It imitates `Type=notify`, `Restart=always` and `RestartSec=2` of that unit, and a container's
`restart: always`. Unlike systemd, it does not kill what the command leaves behind.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

from bench.lab.errors import PeerFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RESTART_S = 2.0
_READY_S, _STOP_S = 180.0, 90.0  # TimeoutStartSec and TimeoutStopSec


class Supervisor:
    """One command that is kept running.

    Args:
        command: Sends `READY=1` to the socket in NOTIFY_SOCKET; see sd_notify(3).
        environment: Its environment.
        log: File for its output.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command, self._environment, self._log = command, environment, log
        self._address = f"marigold-faults-{os.getpid()}-{id(self)}"
        self._ending, self._at_once = threading.Event(), threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, daemon=True)

    def start(self) -> None:
        """Start the command and wait until it is ready.

        Raises:
            PeerFailed: It does not become ready.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(_READY_S)
        self._socket.bind("\0" + self._address)
        self._thread.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the command reports that it is ready, after this start or the next.

        Raises:
            PeerFailed: It does not become ready in time.
        """
        try:
            while self._socket.recv(100) != b"READY=1":
                pass
        except TimeoutError as error:
            last = self._log.read_text(encoding="utf-8", errors="replace")[-800:]
            raise PeerFailed(f"the server is not ready after {_READY_S:.0f} s: {last}") from error

    def restart(self) -> None:
        """Stop the command, which starts it again, as `systemctl restart` does."""
        self._at_once.set()
        if self._process:
            self._process.send_signal(signal.SIGTERM)
        self.wait_until_ready()

    def stop(self) -> None:
        """Stop the command for good."""
        self._ending.set()
        self._at_once.set()
        if self._process:
            self._process.send_signal(signal.SIGTERM)
        self._thread.join(_STOP_S)
        self._socket.close()

    def _keep_running(self) -> None:
        while not self._ending.is_set():
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603  our own command line
                    self._command,
                    env={**self._environment, "NOTIFY_SOCKET": f"@{self._address}"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self._process.wait()
            self._at_once.wait(RESTART_S)
            self._at_once.clear()
