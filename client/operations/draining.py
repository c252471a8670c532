"""Waits until a version that gets no new requests has finished those that it has.

TorchServe reports a version's queue, but not what its workers are processing. Their CPU time shows
that: a worker with a request computes. So a version is drained when its queue is empty and none of
its workers has computed for a second; or, if their CPU time cannot be read (a remote server), when
the queue has been empty for the response timeout, after which the server itself gives up whatever
is in progress.

To get no new requests, it must not be the default version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.operations.worker_process import processor_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client.api.management import ManagementClient
    from client.api.models import ModelStatus

DRAIN_DEADLINE_S = 60.0
_STILL_S = 1.0
_IDLE_SECONDS = 0.02  # two kernel ticks: what an idle worker needs for its metrics
_POLL_S = 0.1


@dataclass(frozen=True)
class Look:
    """One version at one moment.

    Attributes:
        queued: Requests that no worker has taken yet.
        processor_s: CPU time of each ready worker, by process id; None if unreadable.
        response_timeout_s: How long the server lets a request take.
        at_s: Monotonic time, seconds.
    """

    queued: int
    processor_s: Mapping[int, float] | None
    response_timeout_s: float
    at_s: float


class DrainWatch:
    """Judges looks, given in chronological order."""

    def __init__(self) -> None:
        self._empty: Look | None = None  # when the queue became empty
        self._still: Look | None = None  # when the workers stopped computing

    def is_drained(self, look: Look) -> bool:
        """Whether nothing was queued or in progress at the time of this look."""
        if look.queued:
            self._empty = self._still = None
            return False
        self._empty = self._empty or look
        if self._still is None or _computed(self._still, look):
            self._still = look
        if look.processor_s is None:
            return look.at_s - self._empty.at_s > look.response_timeout_s
        return look.at_s - self._still.at_s >= _STILL_S


def _computed(earlier: Look, later: Look) -> bool:
    before, after = earlier.processor_s, later.processor_s
    if before is None or after is None or before.keys() != after.keys():
        return True
    return any(after[pid] - before[pid] > _IDLE_SECONDS for pid in after)


def wait_until_drained(  # noqa: PLR0913
    management: ManagementClient,
    model: str,
    version: str,
    *,
    deadline_s: float = DRAIN_DEADLINE_S,
    processor_s: Callable[[int], float | None] = processor_seconds,
    clock: Clock = MACHINE,
) -> bool:
    """Wait until a version has nothing queued and nothing in progress.

    Args:
        management: The server's management API.
        model: Name of the model.
        version: The version, which must not be the default one.
        deadline_s: Longest wait, seconds.
        processor_s: CPU time of a worker by its process id; None if unreadable.
        clock: Measures the wait.

    Returns:
        True if it is drained; False if requests that name this version kept coming.
    """
    watch = DrainWatch()
    for _ in clock.looks(deadline_s, _POLL_S):
        status = management.describe(model, version)
        times = _processor_times(status, processor_s)
        look = Look(status.queue_pending, times, status.response_timeout_s, clock.time())
        if watch.is_drained(look):
            return True
    return False


def _processor_times(
    status: ModelStatus, processor_s: Callable[[int], float | None]
) -> dict[int, float] | None:
    times = {worker.pid: processor_s(worker.pid) for worker in status.workers if worker.is_ready}
    known = {pid: seconds for pid, seconds in times.items() if seconds is not None}
    return known if len(known) == len(times) else None
