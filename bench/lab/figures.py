"""Summarises latencies: percentiles of a run, median and spread of rounds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """The median, minimum and maximum of several rounds."""

    median: float
    least: float
    most: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0..1) of the values do not exceed.

    The nearest-rank definition: always a latency that was measured.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    return float(np.quantile(values, share, method="inverted_cdf"))


def spread(values: Sequence[float]) -> Spread:
    """Summarise the rounds of one measurement.

    Raises:
        ValueError: There are no values.
    """
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare two servers within each round, so that a slow minute of the machine affects both.

    Args:
        ours: One figure per round.
        theirs: The other server's, for the same rounds.
    """
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])
