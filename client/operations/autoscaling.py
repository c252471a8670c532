"""Autoscales one model: measures the queue time, decides and scales, in a loop.

TorchServe has a minimum and a maximum number of workers, but never moves between them by itself.
`client.operations.autoscale_policy` has the rule, and `client.operations.scaling` removes workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.errors import ClientError
from client.operations.autoscale_policy import Memory, Sample, decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.api.management import ManagementClient
    from client.api.metrics import MetricsClient, Times
    from client.operations.autoscale_policy import Decision, Policy


class Autoscaler:
    """One model of one server, and its recent measurements.

    Args:
        management: The server's management API.
        metrics: The server's metrics API.
        model: Name of the model.
        policy: The target and its limits.
        scale: Sets the number of workers safely; None only says what would be done.
        say: Shows a line.
    """

    def __init__(  # noqa: PLR0913
        self,
        management: ManagementClient,
        metrics: MetricsClient,
        model: str,
        policy: Policy,
        *,
        scale: Callable[[int], str] | None,
        say: Callable[[str], None],
    ) -> None:
        self._management, self._metrics, self._model = management, metrics, model
        self._policy, self._scale, self._say = policy, scale, say
        self._memory = Memory()
        self._before: Times | None = None
        self._said = ""

    def step(self) -> None:
        """Measure the time since the last step, and act on it.

        If the server does not answer or the workers cannot be changed, say so and try again later.
        """
        try:
            sample = self._measure()
            if sample is None:
                return
            decision = decide(self._policy, sample, self._memory)
            self._memory = decision.memory
            self._tell(sample, decision)
            if decision.workers != sample.workers and self._scale:
                self._say(self._scale(decision.workers))
                # What waited during the change says nothing about the time after it.
                self._before = self._metrics.times(self._model)
        except ClientError as error:
            self._before = None
            self._say_once(f"{self._model}: {error}")

    def _measure(self) -> Sample | None:
        """Return the measurements since the last look; None at the first."""
        status = self._management.describe(self._model)
        now = self._metrics.times(self._model)
        before, self._before = self._before, now
        if before is None or now.answered < before.answered:  # the server was restarted
            return None
        spent = now.since(before)
        queue_ms = 1000 * spent.queued_s / spent.answered if spent.answered else None
        return Sample(len(status.workers), spent.answered, queue_ms, status.queue_pending)

    def _tell(self, sample: Sample, decision: Decision) -> None:
        """Show a change and its reason, or a new reason for no change."""
        seen = f"{_queue_words(sample)}, {sample.waiting} waiting"
        if decision.workers == sample.workers:
            kind = decision.reason.partition(" for ")[0]
            if kind != self._said:
                self._say(f"{self._model}: {sample.workers} workers, {seen}: {decision.reason}")
            self._said = kind
            return
        self._said = ""
        would = "" if self._scale else "would go "
        self._say(
            f"{self._model}: {would}from {sample.workers} to {decision.workers} workers: "
            f"{seen}: {decision.reason}"
        )

    def _say_once(self, words: str) -> None:
        if words != self._said:
            self._say(words)
        self._said = words


def _queue_words(sample: Sample) -> str:
    if sample.queue_ms is None:
        return "no answers"
    return f"queue {sample.queue_ms:.1f} ms over {sample.answered} answers"


def run(
    autoscaler: Autoscaler,
    interval_s: float,
    *,
    clock: Clock = MACHINE,
    goes_on: Callable[[], bool] = lambda: True,
) -> None:
    """Step once per interval while `goes_on` returns true; a slow step delays the next."""
    while goes_on():
        start = clock.time()
        autoscaler.step()
        clock.sleep(max(0.0, interval_s - (clock.time() - start)))
