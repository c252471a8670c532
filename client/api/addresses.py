"""The addresses of a server's three APIs: inference, management and metrics."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORT = 8080
# A server takes seven ports in a row: inference, management, metrics, gRPC for both;
# and TorchServe's own for inference and gRPC, behind the front.
PORT_COUNT = 7
LEAST_PORT, LARGEST_PORT = 1024, 65535 - (PORT_COUNT - 1)


@dataclass(frozen=True)
class Addresses:
    """Base URLs of one server's APIs, without a slash at the end."""

    inference: str
    management: str
    metrics: str

    @property
    def on_this_machine(self) -> bool:
        """Whether the inference API is on loopback."""
        return is_loopback(self.inference)


def addresses_from(server: str, management: str | None = None) -> Addresses:
    """Derive all addresses from the inference API's.

    Args:
        server: URL of the inference API, such as ``http://127.0.0.1:8080``.
        management: URL of the management API, if it is not the inference port plus one.
            The metrics API is on the port after it.

    Raises:
        ValueError: One of them is not such a URL.
    """
    inference = base_url(server)
    management = base_url(management) if management else _next_port(inference)
    return Addresses(inference, management, _next_port(management))


def base_url(url: str) -> str:
    """Check a URL and drop the slash at its end.

    Raises:
        ValueError: It is not an http or https URL, or has a password, which logs would show.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("expected a URL such as http://127.0.0.1:8080")
    _ = parts.port  # raises ValueError beyond 65535
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is loopback, judged by its name or address alone."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place_of(url: str) -> tuple[str, int]:
    """Return the host and the port of a checked URL, the scheme's own port if it names none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]


def listens(host: str, port: int, *, patience_s: float = 1.0) -> bool:
    """Whether somebody takes connections at an address, within `patience_s` seconds."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=patience_s),
    ):
        return True
    return False


def _next_port(url: str) -> str:
    host, port = place_of(url)
    return f"{urlsplit(url).scheme}://{f'[{host}]' if ':' in host else host}:{port + 1}"
