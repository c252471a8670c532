"""What the front lets in, and what it answers itself, in the form of TorchServe's errors.

The order is the point: who has no key is answered first, then who asks for something else, then who
declares a body that is too large. Of their bodies, Go's server reads and drops up to 256 kB before
it answers, and no more, so that the connection can go on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.gateway.keys import pattern
from server.gateway.lanes import (
    HEALTH,
    SMALL_BYTES,
    SMALL_DIGITS,
    WAIT_S,
    Handler,
    Lanes,
    arriving,
    dropping,
    passing_on,
    refusing,
)
from server.gateway.protocol_urls import (
    METADATA,
    asks_for_health,
    asks_for_metadata,
    to_metadata,
    to_ping,
    to_predictions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Route = dict[str, Any]

_CLIENT = "{client}"
_STATUS = "{http.error.status_code}"
_RETRY_AFTER_S = 2
_NO_BODY = 1024  # bytes, of a GET request
_FORM = "application/x-www-form-urlencoded"
_GRPC_FRAME = 5  # bytes before a message
_INVALID_ARGUMENT = "3"  # of gRPC's status codes: the caller's fault, not to be repeated
_GRPC_SERVICE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService"


@dataclass(frozen=True)
class Large:
    """What holds for large bodies; servers of the front's own read them.

    Attributes:
        limit: Bytes of the largest.
        arriving: Path of the Unix socket of the server that reads them before they take a place.
        refused: The same for those that have waited for too long.
    """

    limit: int
    arriving: str
    refused: str


def rest_routes(
    port: int, clients: Mapping[str, str], server_key: str, lanes: Lanes, large: Large
) -> list[Route]:
    """Return the routes of predictions, explanations and health.

    Args:
        port: TorchServe's for inference.
        clients: Each client's key by its name.
        server_key: TorchServe's own.
        lanes: How many requests to pass on.
        large: Where large bodies go.
    """
    own = _authorised(server_key)
    no_log = {"handler": "vars", "log_skip": True}
    return [
        {
            "match": [{"path": ["/ping"], "method": ["GET", "HEAD"]}, asks_for_health()],
            "handle": [no_log, to_ping(), passing_on("health", port, HEALTH, own)],
            "terminal": True,
        },
        *_only_clients(clients),
        {
            "match": [{"path": ["/api-description"], "method": ["GET"]}],
            "handle": [passing_on("small", port, lanes.small, own)],
            "terminal": True,
        },
        {
            "match": [asks_for_metadata()],
            "handle": [
                _at_most(_NO_BODY),
                to_metadata(),
                passing_on("small", port, lanes.small, own | METADATA),
            ],
            "terminal": True,
        },
        {"handle": [to_predictions()]},
        _refuse(
            {"not": [{"path": ["/predictions/*", "/explanations/*"]}]},
            *(404, "NotFound"),
            "the front lets in /predictions, /explanations, /ping and KServe's URLs of the same",
        ),
        _refuse(
            {"not": [{"method": ["POST", "PUT"]}]},
            *(405, "MethodNotAllowed", "expected POST or PUT with a photo as the body"),
        ),
        _refuse(
            {"header": {"Content-Type": [f"{_FORM}*"]}},
            *(400, "NotAForm"),
            f"expected a photo as the body, or a multipart form; found {_FORM}, which `curl "
            "--data-binary` declares; use `curl -T photo.jpg`, or add its type, such as "
            "-H 'Content-Type: image/jpeg'",
        ),
        _too_large(large.limit),
        {
            "match": [
                {"header_regexp": {"Content-Length": {"name": "digits", "pattern": SMALL_DIGITS}}}
            ],
            "handle": [
                passing_on(
                    "small", port, lanes.small, _as_bytes(server_key), read_first=SMALL_BYTES
                )
            ],
            "terminal": True,
        },
        {
            "handle": [
                _at_most(large.limit),
                arriving(large.arriving, lanes.arriving),
            ]
        },
    ]


def _at_most(size: int) -> Handler:
    """Return what ends a request in 413 when more than `size` bytes of its body have come."""
    return {"handler": "request_body", "max_size": size}


def _authorised(server_key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {server_key}"}


def _as_bytes(server_key: str) -> dict[str, str]:
    """Return the headers of a prediction's request.

    The handler looks at the bytes. TorchServe would take a form apart, at length.
    """
    return _authorised(server_key) | {"Content-Type": "application/octet-stream"}


def arriving_routes(port: int, server_key: str, lanes: Lanes, largest: int) -> list[Route]:
    """Return the routes of large bodies that were let in: read whole, then passed on."""
    headers = _as_bytes(server_key)
    return [{"handle": [passing_on("large", port, lanes.large, headers, read_first=largest)]}]


def refused_routes(largest: int) -> list[Route]:
    """Return the routes of large bodies that are not passed on."""
    return [{"handle": [dropping(largest)]}]


def grpc_routes(
    port: int, clients: Mapping[str, str], server_key: str, lanes: Lanes, arriving_at: str
) -> list[Route]:
    """Return the routes of the inference service of gRPC; see `rest_routes`.

    Args:
        port: TorchServe's for gRPC.
        clients: Each client's key by its name.
        server_key: TorchServe's own.
        lanes: How many requests to pass on.
        arriving_at: Path of the Unix socket of the server that reads predictions first.
    """
    limit = _at_most(lanes.grpc_message + _GRPC_FRAME)
    reader = arriving(arriving_at, lanes.arriving, grpc=True)
    return [
        *_only_clients(clients),
        _refuse({"not": [{"path": [f"{_GRPC_SERVICE}/*"]}]}, 404, "NotFound", "no such service"),
        {
            "match": [{"path": [f"{_GRPC_SERVICE}/Predictions"]}],
            "handle": [limit, reader],
            "terminal": True,
        },
        # A stream is never whole; the others have no body to speak of.
        {"handle": [limit, passing_on("grpc", port, lanes.grpc, _authorised(server_key))]},
    ]


def grpc_arriving_routes(port: int, server_key: str, lanes: Lanes) -> list[Route]:
    """Return the routes of gRPC's predictions that were let in: read whole, then passed on."""
    own, whole = _authorised(server_key), lanes.grpc_message + _GRPC_FRAME
    return [{"handle": [passing_on("grpc", port, lanes.grpc, own, read_first=whole)]}]


def grpc_error_routes(largest: int) -> list[Route]:
    """Return gRPC's own answer to a message of more than `largest` bytes, and the others."""
    too_large = {
        "handler": "static_response",
        "status_code": 200,
        "headers": {
            "Content-Type": ["application/grpc"],
            "Grpc-Status": [_INVALID_ARGUMENT],
            "Grpc-Message": [f"expected a message of at most {largest} bytes; found a larger one"],
        },
    }
    return [_at_status(["413"], too_large), *error_routes(largest)]


def metrics_routes(port: int) -> list[Route]:
    """Return the routes of TorchServe's metrics, which need no key, and of nothing else."""
    return [
        {
            "match": [{"path": ["/metrics"]}],
            "handle": [passing_on("health", port, HEALTH, {})],
            "terminal": True,
        },
        {"handle": [{"handler": "static_response", "status_code": 404}]},
    ]


def error_routes(largest: int, refused: str | None = None) -> list[Route]:
    """Return the answers in place of Caddy's own errors.

    Args:
        largest: Bytes of a body.
        refused: Where a large body is read before the answer; see `Large`.
    """
    waited = f"no place within {WAIT_S} s: the server is busy; send the request again"
    gone = "the server does not answer; send the request again"
    return [
        *([_after_reading(refused)] if refused else []),
        _at_status(["503"], _answer(503, "Overloaded", waited, retry=True)),
        _at_status(["502", "504"], _answer(503, "Unavailable", gone, retry=True)),
        _at_status(["413"], _too_large_answer(largest)),
        {
            "handle": [
                _answer(_STATUS, "BadRequest", "expected a request that can be read; send it anew")
            ]
        },
    ]


def _after_reading(socket: str) -> Route:
    """Return what answers a large request that found no place."""
    small = {"header_regexp": {"Content-Length": {"pattern": SMALL_DIGITS}}}
    # Caddy's own answer, should that server have no place either.
    retry = {"response": {"set": {"Retry-After": [str(_RETRY_AFTER_S)]}}}
    return {
        "match": [{"vars": {_STATUS: ["503"]}, "method": ["POST", "PUT"], "not": [small]}],
        "handle": [{"handler": "headers"} | retry, refusing(socket)],
        "terminal": True,
    }


def _only_clients(clients: Mapping[str, str]) -> list[Route]:
    """Return what names the client for all that follows, and answers those who are none."""
    return [
        {
            "handle": [
                {
                    "handler": "map",
                    "source": "{http.request.header.Authorization}",
                    "destinations": [_CLIENT],
                    "mappings": [
                        {"input_regexp": pattern(key), "outputs": [name]}
                        for name, key in clients.items()
                    ],
                    "defaults": [""],
                },
                {"handler": "log_append", "key": "client", "value": _CLIENT},
            ]
        },
        _refuse(
            {"vars": {_CLIENT: [""]}},
            *(401, "Unauthorized"),
            "expected a key that the front knows; found none or another; send "
            "Authorization: Bearer KEY",
        ),
    ]


def _too_large(largest: int) -> Route:
    """Return what refuses a declared length; one that is not declared is counted on its way."""
    length = "{http.request.header.Content-Length}"
    refusal = _refuse({"expression": f"int({length}) > {largest}"}, 413, "", "")
    refusal["handle"] = [_too_large_answer(largest)]
    return {
        "match": [
            {"header_regexp": {"Content-Length": {"name": "all", "pattern": "^[0-9]{7,18}$"}}}
        ],
        "handle": [{"handler": "subroute", "routes": [refusal]}],
    }


def _too_large_answer(largest: int) -> Handler:
    message = (
        f"expected at most {largest} bytes a request; found more; send fewer or smaller photos"
    )
    return _answer(413, "TooLarge", message)


def _refuse(match: dict[str, Any], status: int, kind: str, message: str) -> Route:
    return {"match": [match], "handle": [_answer(status, kind, message)], "terminal": True}


def _at_status(statuses: list[str], handler: Handler) -> Route:
    return {"match": [{"vars": {_STATUS: statuses}}], "handle": [handler], "terminal": True}


def _answer(status: int | str, kind: str, message: str, *, retry: bool = False) -> Handler:
    code: int | str = status if isinstance(status, int) else 400
    headers = {"Content-Type": ["application/json"]}
    if retry:
        headers["Retry-After"] = [str(_RETRY_AFTER_S)]
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": headers,
        "body": json.dumps({"code": code, "type": kind, "message": message}),
    }
