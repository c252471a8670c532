"""Free ports, from the operating system."""

from __future__ import annotations

import contextlib
import socket

HOST = "127.0.0.1"
COUNT = 5  # a server uses five in a row


def free_ports() -> int:
    """Return the first of `COUNT` consecutive ports on which nobody listens."""
    while True:
        with socket.create_server((HOST, 0)) as first:
            port = int(first.getsockname()[1])
            with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
                for offset in range(1, COUNT):
                    stack.enter_context(socket.create_server((HOST, port + offset)))
                return port
