"""How many requests the front passes on at a time, and the handlers that pass them on.

TorchServe answers in the order of arrival, and a batch as a whole: a small photo behind large ones
waits for them. So small bodies have a lane of their own, with nearly all of the places; large ones
have a few, as many as there are cores to decode them. Who finds no place waits in the connection,
for `WAIT_S` at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Handler = dict[str, Any]
Kind = Literal["small", "large", "health", "grpc"]

# Bodies of up to six digits of length; a photo of a screen's size has five or six.
SMALL_BYTES = 999_999
SMALL_DIGITS = "^[0-9]{1,6}$"
# Below the 30 s for which our client, like many others, waits for a sign of the server.
WAIT_S = 25
_RETRY_MS = 20  # between two looks for a place
_ANSWER_S = 45  # above `responseTimeout` of model-config.yaml
_MOST_SMALL = 128
HEALTH = 4  # of questions that TorchServe answers by itself, whatever waits for its workers
_GRPC = 4
_NOT_THE_CLIENTS = ("Describe", "Explain", "Expect")  # headers


@dataclass(frozen=True)
class Lanes:
    """Places behind the front; all of them together are at most TorchServe's queue.

    Attributes:
        small: For bodies of up to `SMALL_BYTES`.
        large: For larger ones, and those of unknown length.
        grpc: For gRPC, whose messages do not tell their length in advance.
    """

    small: int
    large: int
    grpc: int


def lanes_for(job_queue: int, cores: int) -> Lanes:
    """Share the places of a queue."""
    large = max(1, min(max(2, cores), job_queue // 4))
    grpc = max(1, min(_GRPC, job_queue // 4))
    return Lanes(max(1, min(_MOST_SMALL, job_queue - large - grpc)), large, grpc)


# Caddy counts what is under way by the spelling of the address, for all handlers together. So each
# kind has a spelling of its own, or a lane would be full of what another lets through.
_SPELLINGS: dict[Kind, str] = {"small": "", "large": "tcp4/", "health": "tcp/", "grpc": ""}


def passing_on(
    kind: Kind, port: int, places: int, headers: Mapping[str, str], *, read_first: int = 0
) -> Handler:
    """Return the handler that passes requests on to a port of TorchServe's.

    Args:
        kind: Of requests; each kind has places of its own.
        port: On loopback.
        places: For so many at a time.
        headers: To set, such as TorchServe's own key.
        read_first: Bodies of up to so many bytes are read before they take a place, so that a slow
            client holds none.
    """
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{_SPELLINGS[kind]}127.0.0.1:{port}"}],
        "health_checks": {"passive": {"unhealthy_request_count": places}},
        "load_balancing": {"try_duration": f"{WAIT_S}s", "try_interval": f"{_RETRY_MS}ms"},
        "headers": {
            "request": {
                "set": {name: [value] for name, value in headers.items()},
                # TorchServe would describe the model instead of predicting.
                "delete": [name for name in _NOT_THE_CLIENTS if name not in headers],
            }
        },
        "transport": {
            "protocol": "http",
            "versions": ["h2c"] if kind == "grpc" else ["1.1"],
            "dial_timeout": "2s",
            "response_header_timeout": f"{_ANSWER_S}s",
            "keep_alive": {"max_idle_conns_per_host": places},
        },
        **({"request_buffers": read_first} if read_first else {}),
    }
