"""Coordinate descent: one setting after the other, each value against the best so far.

The full grid would take days. Each candidate is measured in turns with the best, never against a
figure of half an hour ago, as machines are not equally fast all day. It must win every round: what
wins one of them by 5 % loses the next, on a machine that other programs share.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.tune.knobs import Knob, Settings, Value

MARGIN = 1.02  # a gain that small may be noise; what is simpler and known to work stays


@dataclass(frozen=True)
class Figures:
    """What a server with some settings does.

    Attributes:
        throughput: Answers a second.
        p99_ms: Latency that 99 % of them stay below.
    """

    throughput: float
    p99_ms: float


# What the best and a candidate did in each round, in this order.
Rounds = list[tuple[Figures, Figures]]


@dataclass(frozen=True)
class Trial:
    """One candidate against the best of its time.

    Attributes:
        name: Of the setting.
        value: That was tried.
        candidate: What it did, the median of the rounds.
        best: What the best did in the same minutes; None where the candidate did not start.
        taken: Whether the candidate became the best.
    """

    name: str
    value: Value
    candidate: Figures | None
    best: Figures | None
    taken: bool


class Step(NamedTuple):
    """A trial, and the best settings after it."""

    trial: Trial
    best: Settings


def better(candidate: Figures, best: Figures, p99_ms: float) -> bool:
    """Whether a candidate replaces the best.

    Latency within the bound goes before throughput; outside it, lower latency is better.
    """
    if candidate.p99_ms > p99_ms:
        return best.p99_ms > p99_ms and candidate.p99_ms * MARGIN < best.p99_ms
    return best.p99_ms > p99_ms or candidate.throughput > MARGIN * best.throughput


def descend(
    start: Settings,
    knobs: Sequence[Knob],
    measure: Callable[[Settings, Settings], Rounds | None],
    p99_ms: float,
    passes: int = 1,
) -> Iterable[Step]:
    """Yield each trial, and the best settings after it.

    Args:
        start: The settings to begin with.
        knobs: What may be changed, in this order.
        measure: Measures the best and a candidate in turns; None if the candidate does not start.
        p99_ms: Largest accepted 99th percentile of the latency.
        passes: How often all knobs are gone through; a pass without a change is the last.
    """
    best = start
    for _ in range(passes):
        before = best
        for knob in knobs:
            tried = {best[knob.name]}
            for value in knob.values:
                if value in tried:
                    continue
                tried.add(value)
                candidate = {**best, knob.name: value}
                rounds = measure(best, candidate) or []
                taken = bool(rounds) and all(better(new, old, p99_ms) for old, new in rounds)
                measured = _median([new for _, new in rounds])
                against = _median([old for old, _ in rounds])
                best = candidate if taken else best
                yield Step(Trial(knob.name, value, measured, against, taken), best)
        if best == before:
            return


def _median(runs: Sequence[Figures]) -> Figures | None:
    if not runs:
        return None
    return Figures(
        statistics.median(run.throughput for run in runs),
        statistics.median(run.p99_ms for run in runs),
    )
