"""Coordinate descent: one setting after the other, each value against the best so far.

The full grid would take days. Each candidate is measured in turns with the best, never against a
figure from half an hour ago, since a machine's speed varies. It must win every round: on a shared
machine, a candidate that wins one round by 5 % loses the next.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.tune.knobs import Knob, Settings, Value

MARGIN = 1.02  # a smaller gain may be noise: the proven settings stay


@dataclass(frozen=True)
class Figures:
    """A server's figures with some settings.

    Attributes:
        throughput: Answers per second.
        p99_ms: 99th percentile of the latency.
    """

    throughput: float
    p99_ms: float


# The figures of the best and of a candidate in each round, in this order.
Rounds = list[tuple[Figures, Figures]]


@dataclass(frozen=True)
class Trial:
    """One candidate against the best of its time.

    Attributes:
        name: The setting's name.
        value: The value tried.
        candidate: The candidate's figures, the median of the rounds.
        best: The best's figures in the same rounds; None if the candidate did not start.
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

    Latency within the bound comes before throughput; outside it, lower latency is better.
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
        start: The initial settings.
        knobs: The settings that may change, in this order.
        measure: Measures the best and a candidate in turns; None if the candidate does not start.
        p99_ms: Largest accepted 99th percentile of the latency.
        passes: Most passes over all settings; a pass without a change is the last.
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
