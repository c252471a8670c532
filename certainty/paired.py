"""Two models on the same photos: which is better, and whether that could be chance.

Both see the same photos, so only those count that one gets right and the other wrong: McNemar's
test in its exact form, and an interval for the difference of the accuracies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from certainty.shares import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Paired:
    """How often two models are right on the same photos.

    Attributes:
        both: Photos that both get right.
        only_first: Photos that only the first one gets right.
        only_second: Photos that only the second one gets right.
        neither: Photos that both get wrong.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def images(self) -> int:
        """How many photos there are."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def accuracies(self) -> tuple[float, float]:
        """The share that each of the two gets right, 0..1."""
        first, second = self.both + self.only_first, self.both + self.only_second
        return first / self.images, second / self.images

    @property
    def difference(self) -> float:
        """Accuracy of the second less that of the first, -1..1."""
        return (self.only_second - self.only_first) / self.images

    @property
    def p_value(self) -> float:
        """McNemar's exact test: how likely so uneven a division is if both are equally good."""
        apart = self.only_first + self.only_second
        fewer = min(self.only_first, self.only_second)
        tail, ways = 0, 1  # of integers: the powers of many photos are no floats
        for count in range(fewer + 1):
            tail += ways
            ways = ways * (apart - count) // (count + 1)
        return min(2 * tail, 1 << apart) / (1 << apart)

    @property
    def may_be_chance(self) -> bool:
        """Whether equally good models would often differ as much, at the 5 % level."""
        return self.p_value >= _SIGNIFICANT

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the difference (Newcombe 1998, method 10)."""
        first, second = self.both + self.only_first, self.both + self.only_second
        share_1, share_2 = self.accuracies
        low_1, high_1 = wilson_interval(first, self.images)
        low_2, high_2 = wilson_interval(second, self.images)
        product = first * second * (self.images - first) * (self.images - second)
        apart = self.both * self.neither - self.only_first * self.only_second
        phi = apart / math.sqrt(product) if product else 0.0
        below = _joined(share_2 - low_2, high_1 - share_1, phi)
        above = _joined(high_2 - share_2, share_1 - low_1, phi)
        return self.difference - below, self.difference + above

    def __str__(self) -> str:
        low, high = self.interval
        verdict = ": this may be chance" if self.may_be_chance else ""
        return (
            f"the second model is {_points(self.difference)} points apart from the first "
            f"(95 % confidence interval {_points(low)} to {_points(high)}) on {self.images:,} "
            f"photos; {self.only_second} only the second gets right, {self.only_first} only the "
            f"first, McNemar's p = {self.p_value:.3f}{verdict}"
        )


def pair_up(first: Iterable[bool], second: Iterable[bool]) -> Paired:
    """Compare whether two models got each of the same photos right, in the same order."""
    counts = {(one, other): 0 for one in (True, False) for other in (True, False)}
    for one, other in zip(first, second, strict=True):
        counts[bool(one), bool(other)] += 1
    return Paired(*counts.values())


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
