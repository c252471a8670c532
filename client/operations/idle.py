"""Waits for a quiet moment: nothing queued or in progress, so that no answer is cut off.

TorchServe does not report what is in progress. We derive it from counters (`client.api.metrics`):
``unanswered = arrived - answered`` counts requests that are queued, in progress, or have failed
since the server started. A moment is quiet if the queue is empty and

1. nothing is unanswered: exact; or
2. no more is unanswered than has failed on the whole server, and that is the minimum over two
   seconds without a failure. Failures of other calls (a description without a worker, another
   model) make `failed` too large; then a request that is in progress during all of this time can be
   overlooked, once for each such failure; or
3. no count has changed for the model's response timeout, after which the server itself gives up
   whatever is in progress.

It cannot see a request that arrives after the last reading, or whose body is still being uploaded.
Clients that retry after "Worker died." lose nothing by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.api.metrics import MetricsClient

if TYPE_CHECKING:
    from client.api.management import ManagementClient
    from client.api.metrics import Traffic
    from client.api.models import ModelStatus

DEFAULT_DEADLINE_S = 30.0
_SETTLE_S = 2.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Reading:
    """The counts at one moment.

    Attributes:
        traffic: Requests since the server started.
        queued: Requests that no worker has taken yet.
        response_timeout_s: How long the server lets a request take.
        at_s: Monotonic time of the reading, seconds.
    """

    traffic: Traffic
    queued: int
    response_timeout_s: float
    at_s: float

    @property
    def unanswered(self) -> int:
        """Requests that are queued, in progress, or have failed since the server started."""
        return self.traffic.arrived - self.traffic.answered


class IdleWatch:
    """Judges readings, given in chronological order."""

    def __init__(self) -> None:
        self._first: Reading | None = None  # since the last failure
        self._still: Reading | None = None  # since the last change
        self._least = 0  # unanswered, since `_first`

    def is_quiet(self, reading: Reading) -> bool:
        """Whether nothing was queued or in progress at the time of this reading."""
        if self._first is None or reading.traffic.failed != self._first.traffic.failed:
            self._first, self._least = reading, reading.unanswered
        if self._still is None or reading.traffic != self._still.traffic or reading.queued:
            self._still = reading
        self._least = min(self._least, reading.unanswered)
        if reading.queued:
            return False
        if reading.unanswered <= 0:
            return True
        if reading.at_s - self._still.at_s > reading.response_timeout_s:
            return True
        return (
            reading.unanswered <= reading.traffic.failed
            and reading.unanswered == self._least
            and reading.at_s - self._first.at_s >= _SETTLE_S
        )


def wait_until_idle(  # noqa: PLR0913
    management: ManagementClient,
    metrics_url: str,
    model: str | None = None,
    deadline_s: float = DEFAULT_DEADLINE_S,
    *,
    metrics: MetricsClient | None = None,
    clock: Clock = MACHINE,
) -> bool:
    """Wait for a quiet moment, as defined above.

    Args:
        management: The server's management API.
        metrics_url: The server's metrics API, such as ``http://127.0.0.1:8082``.
        model: Name of the model, with all its versions; None for all models.
        deadline_s: Longest wait, seconds. At 0 there is one look.
        metrics: How to read metrics, instead of `metrics_url`.
        clock: Measures the wait.

    Returns:
        True at a quiet moment, False if there was none before the deadline.

    Raises:
        InFlightUnknown: The server's metrics lack the counts.
        ClientError: The server does not answer, or has no such model.
    """
    metrics = metrics or MetricsClient(metrics_url)
    watch = IdleWatch()
    for _ in clock.looks(deadline_s, _POLL_S):
        reading = _take_reading(management, metrics, model, clock)
        if reading is not None and watch.is_quiet(reading):
            return True
    return False


def _take_reading(
    management: ManagementClient,
    metrics: MetricsClient,
    model: str | None,
    clock: Clock,
) -> Reading | None:
    """Read all counts; None if a request arrived meanwhile, which makes them inconsistent.

    A page of metrics is not a snapshot: `answered` may count a request that came after `arrived`
    was read, and so hide another one. With the same `arrived` before and after, it cannot.
    """
    statuses = _statuses(management, model)  # first, so that the metrics have an answer to count
    before = metrics.traffic(model)
    after = metrics.traffic(model)
    if before.arrived != after.arrived:
        return None
    return Reading(
        traffic=after,
        queued=sum(status.queue_pending for status in statuses),
        response_timeout_s=max((status.response_timeout_s for status in statuses), default=0),
        at_s=clock.time(),
    )


def _statuses(management: ManagementClient, model: str | None) -> list[ModelStatus]:
    names = [model] if model else [entry.name for entry in management.list_models()]
    return [status for name in names for status in management.describe_all(name)]
