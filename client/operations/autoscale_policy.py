"""Decides how many workers a model should have, based on how long its requests wait.

Hysteresis: one interval above the target adds workers, but only a long series of intervals well
below it removes one; and if removing one turned out to be too much, the next attempt waits twice as
long. Pure functions: `client.operations.autoscaling` measures and acts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

_LONGEST_PATIENCE = 16  # times `Policy.calm_intervals`


@dataclass(frozen=True)
class Policy:
    """The target and its limits.

    Attributes:
        min_workers: Fewest workers, at least 1.
        max_workers: Most workers, not below `min_workers`.
        target_queue_ms: Mean time in the queue above which workers are added, milliseconds.
        calm_share: Below this share of the target, an interval is calm, 0..1.
        calm_intervals: Calm intervals in a row after which a worker is removed.
    """

    min_workers: int
    max_workers: int
    target_queue_ms: float
    calm_share: float = 0.5
    calm_intervals: int = 6


@dataclass(frozen=True)
class Sample:
    """The measurements of one interval.

    Attributes:
        workers: Current number of workers.
        answered: Requests answered in the interval.
        queue_ms: Their mean time in the queue, milliseconds; None if there were none.
        waiting: Requests in the queue at its end.
    """

    workers: int
    answered: int
    queue_ms: float | None
    waiting: int


@dataclass(frozen=True)
class Memory:
    """State kept from one interval to the next.

    Attributes:
        calm: Calm intervals in a row.
        patience: How many times `Policy.calm_intervals` to wait before removing a worker.
        shrunk: Whether the last change removed a worker.
    """

    calm: int = 0
    patience: int = 1
    shrunk: bool = False


@dataclass(frozen=True)
class Decision:
    """How many workers there should be, and why, in words."""

    workers: int
    reason: str
    memory: Memory


def decide(policy: Policy, sample: Sample, memory: Memory) -> Decision:
    """Return the number of workers that the next interval should have."""
    bounded = min(max(sample.workers, policy.min_workers), policy.max_workers)
    if bounded != sample.workers:
        bounds = f"{policy.min_workers} to {policy.max_workers} are allowed"
        return Decision(bounded, bounds, Memory(patience=memory.patience))
    if _is_late(policy, sample):
        return _grow(policy, sample, memory)
    if not _is_calm(policy, sample):
        words = f"around the target of {policy.target_queue_ms:g} ms"
        return Decision(sample.workers, words, replace(memory, calm=0))
    return _shrink(policy, sample, replace(memory, calm=memory.calm + 1))


def _grow(policy: Policy, sample: Sample, memory: Memory) -> Decision:
    above = f"above the target of {policy.target_queue_ms:g} ms"
    if sample.queue_ms is None:
        above = "requests wait and none is answered"
    if sample.workers == policy.max_workers:
        return Decision(
            sample.workers, f"{above}, but no more are allowed", replace(memory, calm=0)
        )
    # Far above the target, adding one at a time would take an interval for each missing worker.
    factor = 2 if sample.queue_ms is None or sample.queue_ms > 2 * policy.target_queue_ms else 1
    workers = min(policy.max_workers, max(sample.workers * factor, sample.workers + 1))
    patience = min(2 * memory.patience, _LONGEST_PATIENCE) if memory.shrunk else memory.patience
    return Decision(workers, above, Memory(patience=patience))


def _shrink(policy: Policy, sample: Sample, memory: Memory) -> Decision:
    calm_ms = policy.calm_share * policy.target_queue_ms
    below = f"below {calm_ms:g} ms for {memory.calm} intervals"
    if sample.workers == policy.min_workers:
        return Decision(sample.workers, f"{below}, but no fewer are allowed", memory)
    needed = policy.calm_intervals * memory.patience
    if memory.calm < needed:
        return Decision(sample.workers, f"{below} of {needed}", memory)
    return Decision(sample.workers - 1, below, Memory(patience=memory.patience, shrunk=True))


def _is_late(policy: Policy, sample: Sample) -> bool:
    if sample.queue_ms is None:
        return sample.waiting > 0
    return not math.isfinite(sample.queue_ms) or sample.queue_ms > policy.target_queue_ms


def _is_calm(policy: Policy, sample: Sample) -> bool:
    return (sample.queue_ms or 0.0) < policy.calm_share * policy.target_queue_ms
