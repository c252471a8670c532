"""Reads, from the server's Prometheus metrics, how many requests came and how many were answered.

TorchServe counts a request on arrival in ``ts_inference_requests_total``, once its whole body is
there and before it is queued. One that a handler answered, even with a 4xx of its own, is counted
in the histogram ``ts_inference_latency_microseconds`` as its answer is sent, also if the client has
left. One that fails (queue full, worker died, exception in the handler) is in neither histogram but
in ``Requests5XX``, which covers all models and the management API as well. Descriptions of models
are in none of them.

Not responsible for what follows from the counts: see `client.idle`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.addresses import base_url
from client.errors import InFlightUnknown
from client.exchange import Call, exchange, new_session

if TYPE_CHECKING:
    import requests

_ARRIVED = "ts_inference_requests_total"
_LATENCY = "ts_inference_latency_microseconds"
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})?\s+(\S+)$", re.MULTILINE)
_MODEL = re.compile(r'\bmodel_name="((?:[^"\\]|\\.)*)"')
_CONNECT_S, _READ_S = 3.0, 10.0


@dataclass(frozen=True)
class Traffic:
    """Requests since the server started; `failed` is the whole server's, the others a model's."""

    arrived: int
    answered: int
    failed: int


class MetricsClient:
    """The metrics API of one server, which asks for no token.

    Args:
        url: The metrics API, such as ``http://127.0.0.1:8082``.
        session: Connections; tests give one that answers by itself.
    """

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        self._url = base_url(url).removesuffix("/metrics") + "/metrics"
        self._session = session or new_session(url)

    def traffic(self, model: str | None) -> Traffic:
        """Return the counts of one model, or of all for None.

        Raises:
            InFlightUnknown: The metrics lack a count that this takes.
            ClientError: No answer.
        """
        call = Call("GET", self._url)
        reply = exchange(self._session, call, token=None, connect_s=_CONNECT_S, read_s=_READ_S)
        return read_traffic(reply.text, model)


def read_traffic(text: str, model: str | None) -> Traffic:
    """Read the counts from a page in Prometheus' text format.

    The server must have answered any request before, a description of a model for one: a page that
    counts no answer at all is taken to be one that never counts.

    Raises:
        InFlightUnknown: The page lacks a count that this takes.
    """
    totals: dict[str, float] = {}
    for name, labels, value in _SAMPLE.findall(text):
        named = _MODEL.search(labels)
        if named is None or model is None or named[1] == model:
            totals[name] = totals.get(name, 0.0) + float(value)
    if "Requests2XX" not in totals:
        raise InFlightUnknown(
            "the server's metrics do not count its answers: set metrics_mode=prometheus"
        )
    if _LATENCY in totals:  # a sum or the latest value, of which neither tells the count
        raise InFlightUnknown(f"{_LATENCY} must be a histogram in the server's metrics.yaml")
    return Traffic(
        arrived=int(totals.get(_ARRIVED, 0)),
        answered=int(totals.get(f"{_LATENCY}_count", 0)),
        failed=int(totals.get("Requests5XX", 0)),
    )
