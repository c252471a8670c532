"""Keeps a server in the foreground until a signal stops it, for containers and systemd.

On SIGTERM or SIGINT it waits for requests in flight, stops the server and exits with 0. If the
server exits by itself, this process ends with an error, so that its supervisor restarts it.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from server import diagnosis
from server.errors import ServerEnded
from server.following import Followed
from server.processes import is_alive
from server.stop import clear_away, stop

if TYPE_CHECKING:
    from server.front import ServerFront
    from server.run_folder import RunFolder

_POLL_S = 0.5
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stay(folder: RunFolder, *, grace_s: float, front: ServerFront | None = None) -> None:
    """Show the server's logs, and keep its front's keys up to date, until a signal; then stop it.

    To be called within `console.interruption.interruptible`.

    Args:
        folder: Where the server runs.
        grace_s: Longest wait for requests in flight, in seconds.
        front: What stands before it; it is started again if it ends by itself.

    Raises:
        ServerEnded: It exited by itself.
        StopError: It does not exit.
    """
    running = folder.server()
    notify("READY=1")
    with Followed(folder.logs) as logs:
        try:
            # This process, whatever becomes of the record: while it runs, so does the server.
            while running and is_alive(running[0]):
                logs.copy_news()
                if front:
                    front.keep()
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            for number in _SIGNALS:  # a second one must not cut the wait short
                signal.signal(number, signal.SIG_IGN)
            notify("STOPPING=1")
            stop(folder, grace_s=grace_s, insist=True)
            return
    clear_away(folder)
    raise ServerEnded(f"TorchServe exited by itself: {diagnosis.cause(folder.logs)}")


def notify(state: str) -> None:
    """Notify systemd if it wants that (`Type=notify`), as sd_notify(3) describes."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # A leading @ stands for the zero byte of an abstract socket.
        sender.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        sender.sendall(state.encode())
