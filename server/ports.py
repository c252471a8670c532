"""The ports of one server; all of them follow from `PORT`."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
from dataclasses import astuple, dataclass

import psutil

from client.api.addresses import LARGEST_PORT, LEAST_PORT, PORT_COUNT
from server.errors import StartError

HOST = "127.0.0.1"
_CHOSEN_FROM = (12_000, 32_000)
# The system's: where two processes were given the same seed, they would choose the same ports.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True)
class Ports:
    """Where a server listens; `server.profiles` decides who can reach it.

    Attributes:
        inference: REST, `PORT` itself; the front's.
        management: REST, `PORT` + 1.
        metrics: REST, `PORT` + 2.
        grpc_inference: `PORT` + 3; the front's.
        grpc_management: `PORT` + 4.
        behind: `PORT` + 5: TorchServe's own for inference, which the front asks.
        grpc_behind: `PORT` + 6: the same for gRPC.
    """

    inference: int
    management: int
    metrics: int
    grpc_inference: int
    grpc_management: int
    behind: int
    grpc_behind: int

    @classmethod
    def starting_at(cls, port: int) -> Ports:
        """Derive all ports from the first.

        Raises:
            StartError: A port is out of range.
        """
        if not LEAST_PORT <= port <= LARGEST_PORT:
            raise StartError(f"PORT must be in {LEAST_PORT}..{LARGEST_PORT}, found {port}")
        return cls(*range(port, port + PORT_COUNT))

    @property
    def all(self) -> tuple[int, ...]:
        """All of them, in order."""
        return astuple(self)


def free_ports() -> int:
    """Return the first of `PORT_COUNT` ports in a row on which nobody listens.

    Chosen at random, so that processes that choose at the same time choose different ones, and
    below the ports that systems give to outgoing connections (from 32768 on Linux), so that no
    client takes a port between its choice and the start of the server.
    """
    while True:
        port = _CHANCE.randrange(*_CHOSEN_FROM, PORT_COUNT)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for offset in range(PORT_COUNT):
                stack.enter_context(socket.create_server((HOST, port + offset)))
            return port


def check_free(ports: Ports, host: str = HOST) -> None:
    """Check that all ports are free.

    Args:
        ports: The ports.
        host: The server's listen address, besides loopback.

    Raises:
        StartError: One is taken; the message names the process if it is visible.
    """
    for port, address in itertools.product(ports.all, dict.fromkeys((HOST, host))):
        with socket.socket() as probe:
            # As the server binds: lingering connections of an earlier server do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise StartError(
                    f"port {port} is taken{_owner(port)}; stop that process, or choose other "
                    f"ports with PORT=... ({PORT_COUNT} in a row are used)"
                ) from error


def _owner(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and getattr(connection.laddr, "port", None) == port:
                name = psutil.Process(connection.pid).name() if connection.pid else "unknown"
                return f" by process {connection.pid} ({name})"
    return ""
