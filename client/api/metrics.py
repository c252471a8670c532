"""Reads request counts and times from the server's Prometheus metrics.

TorchServe counts a request in ``ts_inference_requests_total`` when its whole body has arrived,
before it is queued. A request that a handler answers, even with its own 4xx, is counted in the
histogram ``ts_inference_latency_microseconds`` as the answer is sent, even if the client has left;
over gRPC only in ``QueueTime``, at the same moment, which counts the answers of all models. So if
that has as many as have arrived, or a model's own histogram has, nothing is unanswered.
A request that fails (queue full, worker died, exception in the handler) is in neither histogram but
in ``Requests5XX``, which covers all models and the management API too. Descriptions of models are
not counted at all.

`client.operations.idle` draws conclusions from the counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.api.addresses import base_url
from client.api.exchange import Call, exchange, new_session
from client.errors import InFlightUnknown

if TYPE_CHECKING:
    import requests

_ARRIVED = "ts_inference_requests_total"
_LATENCY = "ts_inference_latency_microseconds"
_ALL_ANSWERS = "QueueTime_count"
_QUEUE = "ts_queue_latency_microseconds"
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})?\s+(\S+)$", re.MULTILINE)
_MODEL = re.compile(r'\bmodel_name="((?:[^"\\]|\\.)*)"')
_CONNECT_S, _READ_S = 3.0, 10.0


@dataclass(frozen=True)
class Traffic:
    """Requests since the server started; `failed` covers all models, the others one model."""

    arrived: int
    answered: int
    failed: int


@dataclass(frozen=True)
class Times:
    """What the server spent on a model's answered requests since it started, in seconds.

    `total_s` is from a request's arrival to its answer, `queued_s` the part before a worker took
    it; the rest is decoding and inference, which the server does not separate.
    """

    answered: int
    total_s: float
    queued_s: float

    def since(self, earlier: Times) -> Times:
        """Return what came after an earlier reading."""
        return Times(
            self.answered - earlier.answered,
            self.total_s - earlier.total_s,
            self.queued_s - earlier.queued_s,
        )


class MetricsClient:
    """The metrics API of one server, which requires no token.

    Args:
        url: The metrics API, such as ``http://127.0.0.1:8082``.
        session: Connections; tests pass a fake.
    """

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        self._url = base_url(url).removesuffix("/metrics") + "/metrics"
        self._session = session or new_session(url)

    def traffic(self, model: str | None) -> Traffic:
        """Return the counts of one model, or of all for None.

        Raises:
            InFlightUnknown: The metrics lack a count that this needs.
            ClientError: No answer.
        """
        return read_traffic(self._page(), model)

    def times(self, model: str) -> Times:
        """Return what the server spent on one model's requests; raises as `traffic`."""
        return read_times(self._page(), model)

    def _page(self) -> str:
        call = Call("GET", self._url)
        reply = exchange(self._session, call, token=None, connect_s=_CONNECT_S, read_s=_READ_S)
        return reply.text


def read_traffic(text: str, model: str | None) -> Traffic:
    """Read the counts from a page in Prometheus' text format.

    The server must already have answered some request, such as one for a model's description: a
    page without any counted answer is treated as one that never counts.

    Raises:
        InFlightUnknown: The page lacks a count that this needs.
    """
    totals = _checked_totals(text, model)
    arrived = int(totals.get(_ARRIVED, 0))
    everywhere = _totals(text, None)
    unanswered = min(
        arrived - int(totals.get(f"{_LATENCY}_count", 0)),
        int(everywhere.get(_ARRIVED, 0)) - int(everywhere.get(_ALL_ANSWERS, 0)),
    )
    return Traffic(
        arrived=arrived,
        answered=arrived - unanswered,
        failed=int(totals.get("Requests5XX", 0)),
    )


def read_times(text: str, model: str) -> Times:
    """Read the times from a page in Prometheus' text format; raises as `read_traffic`."""
    totals = _checked_totals(text, model)
    answered = int(totals.get(f"{_LATENCY}_count", 0))  # of those that have times
    microseconds = (totals.get(f"{name}_sum", 0.0) for name in (_LATENCY, _QUEUE))
    total_s, queued_s = (value / 1e6 for value in microseconds)
    return Times(answered, total_s, queued_s)


def _checked_totals(text: str, model: str | None) -> dict[str, float]:
    """Return the totals of a page that counts answers; raises as `read_traffic`."""
    totals = _totals(text, model)
    if "Requests2XX" not in totals:
        raise InFlightUnknown(
            "the server's metrics do not count its answers: set metrics_mode=prometheus"
        )
    if _LATENCY in totals:  # a sum or the latest value, neither of which gives the count
        raise InFlightUnknown(f"{_LATENCY} must be a histogram in the server's metrics.yaml")
    return totals


def _totals(text: str, model: str | None) -> dict[str, float]:
    """Add up the samples of each name over all versions and workers."""
    totals: dict[str, float] = {}
    for name, labels, value in _SAMPLE.findall(text):
        named = _MODEL.search(labels)
        if named is None or model is None or named[1] == model:
            totals[name] = totals.get(name, 0.0) + float(value)
    return totals
