"""How many requests the front passes on at a time, and the handlers that pass them on.

TorchServe answers in the order of arrival, and a batch as a whole: a small photo behind large ones
waits for them. So small bodies have a lane of their own, with nearly all of the places. Large ones
have as many as half of the cores can decode, and as many again while hardly any small ones are
there: with two workers, one always answers small photos. Who finds no place waits in the
connection, for `WAIT_S` at most.

A body is read whole before it takes a place, so that a slow client holds none. A few large ones
are read at a time (`Lanes.arriving`), by a server of the front's own behind a Unix socket; of who
has waited too long, another reads the body and drops it, a few at a time again: many clients see no
answer before they have sent all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Handler = dict[str, Any]
Kind = Literal["small", "large", "health", "grpc"]

# Bodies of up to six digits of length; a photo of a screen's size has five or six.
SMALL_BYTES = 999_999
SMALL_DIGITS = "^[0-9]{1,6}$"
# Below the 30 s for which our client, like many others, waits for a sign of the server. So is all
# that a large body waits for: to be read, for its place then, or to be dropped.
WAIT_S = 25
_ARRIVING_S, _ARRIVED_S, _REFUSED_S = 20, 5, 4
_RETRY_MS = 20  # between two looks for a place
_ANSWER_S = 45  # above `responseTimeout` of model-config.yaml
# Places.
_MOST_SMALL, _GRPC = 128, 4
_ARRIVING = 8  # times as many as there are for large bodies
_REFUSED = 2
_UNPACKED = 20  # times a message of nothing but names is as large in Java: 197 MB for 9.8
HEALTH = 4  # for what TorchServe answers by itself, however busy its workers are
# Headers with which TorchServe would describe the model, or wait, instead of predicting.
_NOT_THE_CLIENTS = ("Describe", "Explain", "Expect")
# TorchServe hands every header to the worker, which needs only `Accept`, and reads them one by one:
# those of a browser or of Caddy take a tenth of a millisecond an answer.
_NO_AGENT = {"User-Agent": ""}  # or Go would name itself
_NOT_FOR_WORKERS = ("Accept-*", "X-*", "Via", "Cookie", "Origin", "Referer", "Sec-*")


@dataclass(frozen=True)
class Lanes:
    """Places behind the front; all of them together are at most TorchServe's queue.

    Attributes:
        small: For bodies of up to `SMALL_BYTES`.
        large: For larger ones, and those of unknown length; as many again count as small ones,
            while fewer small ones than that are under way.
        arriving: Of these, held by the front: read, or waiting for a place.
        grpc: For gRPC, whose messages do not tell their length in advance.
        grpc_message: Bytes of the largest of these.
    """

    small: int
    large: int
    arriving: int
    grpc: int
    grpc_message: int


def lanes_for(job_queue: int, largest: int, cores: int) -> Lanes:
    """Share the places of a queue.

    Args:
        job_queue: Requests of `largest` bytes for which TorchServe has memory.
        largest: Bytes of a request.
        cores: That decode photos.
    """
    large = max(1, min(cores // 2, job_queue // 8))
    grpc = max(1, min(_GRPC, job_queue // 4))
    # The front has as little memory for them as TorchServe has for its queue.
    arriving = max(large, min(_ARRIVING * large, job_queue // 4))
    small = max(1, min(_MOST_SMALL, job_queue - large - grpc))
    message = min(largest, largest * job_queue // (grpc * _UNPACKED))
    return Lanes(small, large, arriving, grpc, message)


# Caddy counts what is under way by the spelling of the address, for all handlers together. So each
# kind has a spelling of its own, or a lane would be full of what another lets through. Large bodies
# that find no place of their own may have small ones', while fewer are taken there than they have.
_SPELLINGS: dict[Kind, tuple[str, ...]] = {
    "small": ("",),
    "large": ("tcp4/", ""),
    "health": ("tcp/",),
    "grpc": ("",),
}


def passing_on(
    kind: Kind, port: int, places: int, headers: dict[str, str], *, read_first: int = 0
) -> Handler:
    """Return the handler that passes requests on to a port of TorchServe's.

    Args:
        kind: Of requests; each kind has places of its own.
        port: On loopback.
        places: For so many at a time, at each spelling of the address.
        headers: To set, such as TorchServe's own key.
        read_first: Bodies of up to so many bytes are read before they take a place.
    """
    to = [f"{spelling}127.0.0.1:{port}" for spelling in _SPELLINGS[kind]]
    wait_s = _ARRIVED_S if kind in ("large", "grpc") else WAIT_S
    handler = _proxy(to, places, wait_s, _ANSWER_S, grpc=kind == "grpc")
    handler["headers"] = {
        "request": {
            "set": {name: [value] for name, value in (headers | _NO_AGENT).items()},
            "delete": [
                *(name for name in _NOT_THE_CLIENTS if name not in headers),
                *_NOT_FOR_WORKERS,
            ],
        }
    }
    # Caddy takes a body for unfinished that is as long as it may be.
    return handler | ({"request_buffers": read_first + 1} if read_first else {})


def arriving(socket: str, places: int, *, grpc: bool = False) -> Handler:
    """Return the handler that passes bodies on to the server that reads them first.

    Args:
        socket: Path of that server's.
        places: See `Lanes.arriving`.
        grpc: Whether they are gRPC's.
    """
    return _proxy([f"unix/{socket}"], places, _ARRIVING_S, _ARRIVED_S + _ANSWER_S, grpc=grpc)


def refusing(socket: str) -> Handler:
    """Return the handler that passes bodies on to the server that drops them; see `dropping`."""
    return _proxy([f"unix/{socket}"], _REFUSED, _REFUSED_S, _ANSWER_S)


def dropping(largest: int) -> Handler:
    """Return the handler that reads a body of up to `largest` bytes, and ends in 503."""
    return {"handler": "reverse_proxy", "upstreams": [], "request_buffers": largest + 1}


def _proxy(
    dials: list[str], places: int, wait_s: int, answer_s: int, *, grpc: bool = False
) -> Handler:
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial} for dial in dials],
        "health_checks": {"passive": {"unhealthy_request_count": places}},
        "load_balancing": {
            "try_duration": f"{wait_s}s",
            "try_interval": f"{_RETRY_MS}ms",
            "selection_policy": {"policy": "first"},
        },
        "transport": {
            "protocol": "http",
            "versions": ["h2c" if grpc else "1.1"],
            "dial_timeout": "2s",
            "response_header_timeout": f"{answer_s}s",
            "compression": False,  # or Go would ask for it by itself
            "keep_alive": {"max_idle_conns_per_host": places},
        },
    }
