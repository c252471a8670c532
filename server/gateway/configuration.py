"""The front's configuration, in Caddy's own JSON: one file with all that the process needs.

It holds keys, so it is its owner's alone. `server.gateway.routes` says what is let in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509

from server.gateway.routes import (
    Large,
    arriving_routes,
    error_routes,
    grpc_arriving_routes,
    grpc_error_routes,
    grpc_routes,
    metrics_routes,
    refused_routes,
    rest_routes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from server.gateway.lanes import Lanes

_HEADERS_S = 10
# A whole request, its wait included: so long may a slow client take for the largest body.
_REQUEST_S = 120
_IDLE_S = 120
_NO_LONGER = ("request>headers", "request>tls", "resp_headers", "user_id", "bytes_read")


@dataclass(frozen=True)
class Way:
    """One port of the front, and the port of TorchServe behind it.

    Attributes:
        host: Address to listen on.
        port: To listen on.
        behind: TorchServe's, on loopback.
    """

    host: str
    port: int
    behind: int


@dataclass(frozen=True)
class Front:
    """What stays the same while the front runs.

    Attributes:
        rest: Where predictions come in.
        lanes: How many of them to pass on.
        largest_request: In bytes.
        sockets: Folder for the Unix sockets of its own servers; nobody else may enter it.
        grpc: The same for gRPC; None for no gRPC.
        metrics: Where Prometheus asks; None for no such port.
        log: File for what was asked, and for warnings; None for standard output.
    """

    rest: Way
    lanes: Lanes
    largest_request: int
    sockets: Path
    grpc: Way | None = None
    metrics: Way | None = None
    log: str | None = None


@dataclass(frozen=True)
class Secrets:
    """What may change while it runs.

    Attributes:
        clients: Each client's key by its name.
        server_key: TorchServe's own.
        certificate: PEM, with its chain; None for plain HTTP.
        certificate_key: PEM.
    """

    clients: Mapping[str, str]
    server_key: str
    certificate: str | None = None
    certificate_key: str | None = None


def configuration(front: Front, secrets: Secrets) -> dict[str, Any]:
    """Return the whole configuration."""
    clients, key = secrets.clients, secrets.server_key
    lanes, port = front.lanes, front.rest.behind
    arriving, refused = str(front.sockets / "arriving"), str(front.sockets / "refused")
    large = Large(front.largest_request, arriving, refused)
    rest = rest_routes(port, clients, key, lanes, large)
    errors = error_routes(large.limit)
    servers = {
        "rest": _server(front.rest, secrets, rest, error_routes(large.limit, refused)),
        "arriving": _inner(arriving, arriving_routes(port, key, lanes, large.limit), errors),
        "refused": _inner(refused, refused_routes(large.limit), errors),
    }
    if front.grpc:
        port, arriving = front.grpc.behind, str(front.sockets / "grpc")
        grpc = grpc_routes(port, clients, key, lanes, arriving)
        grpc_errors = grpc_error_routes(lanes.grpc_message)
        servers["grpc"] = _server(front.grpc, secrets, grpc, grpc_errors)
        servers["arriving-grpc"] = _inner(arriving, grpc_arriving_routes(port, key, lanes), errors)
        servers["arriving-grpc"]["protocols"] = ["h1", "h2c"]
        # Without TLS, gRPC is HTTP/2 from the first byte on.
        servers["grpc"]["protocols"] = ["h1", "h2"] if secrets.certificate else ["h1", "h2c"]
    if front.metrics:
        routes = metrics_routes(front.metrics.behind)
        servers["metrics"] = {
            "listen": [f"{front.metrics.host}:{front.metrics.port}"],
            "automatic_https": {"disable": True},
            "protocols": ["h1"],
            "routes": routes,
        }
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": _logs(front.log)},
        "apps": {"http": {"servers": servers}, **_tls(secrets)},
    }


def _server(
    way: Way, secrets: Secrets, routes: list[dict[str, Any]], errors: list[dict[str, Any]]
) -> dict[str, Any]:
    server: dict[str, Any] = {
        "listen": [f"{way.host}:{way.port}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1", "h2"] if secrets.certificate else ["h1"],
        "read_header_timeout": f"{_HEADERS_S}s",
        "read_timeout": f"{_REQUEST_S}s",
        "idle_timeout": f"{_IDLE_S}s",
        "logs": {"default_logger_name": "requests"},
        "errors": {"routes": errors},
        "routes": routes,
    }
    if secrets.certificate:
        name = _a_name_of(secrets.certificate)
        # Clients that name no host, or another, are shown the certificate that there is.
        server["tls_connection_policies"] = [{"default_sni": name, "fallback_sni": name}]
    return server


def _inner(
    socket: str, routes: list[dict[str, Any]], errors: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a server for the others of this process alone; they have logged the request."""
    return {
        "listen": [f"unix/{socket}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
        "errors": {"routes": errors},
        "routes": routes,
    }


def _tls(secrets: Secrets) -> dict[str, Any]:
    if not secrets.certificate:
        return {}
    pair = {"certificate": secrets.certificate, "key": secrets.certificate_key}
    return {"tls": {"certificates": {"load_pem": [pair]}}}


def _a_name_of(certificate: str) -> str:
    """Return the first name that a certificate is for."""
    found = x509.load_pem_x509_certificate(certificate.encode())
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next((str(name.value) for name in names), "")


def _logs(file: str | None) -> dict[str, Any]:
    """Return who writes what: no key, no picture, no parameter of a URL, which could hold one."""
    writer = {"output": "file", "filename": file, "mode": "0600"} if file else {"output": "stdout"}
    fields: dict[str, Any] = {name: {"filter": "delete"} for name in _NO_LONGER}
    fields["request>uri"] = {"filter": "regexp", "regexp": r"\?.*", "value": ""}
    requests = "http.log.access.requests"
    return {
        "default": {"level": "WARN", "writer": writer, "exclude": [requests]},
        "requests": {
            "writer": writer,
            "include": [requests],
            "encoder": {"format": "filter", "wrap": {"format": "json"}, "fields": fields},
        },
    }
