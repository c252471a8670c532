"""How much a classifier depends on a photo feature: F1 in five buckets of the feature's value.

A bucket's F1 varies by chance, more so with fewer photos. A permutation test shows whether a
feature has more influence than that: photos are assigned to the buckets at random, many times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUCKETS = 5
_DEALS = 999
# One in a hundred: with six features, a false alarm in one of seventeen evaluations.
_SIGNIFICANT = 0.01
_LARGE, _MEDIUM = 0.10, 0.05  # standard deviation of F1


@dataclass(frozen=True)
class Sensitivity:
    """The effect of a feature on the F1 of C classes.

    Attributes:
        f1: [5][C]; None if no photo of the class is in the bucket.
        deviation: [C], population standard deviation of a class's F1 over its buckets.
        ranges: Lowest and highest value of the feature in each bucket; None for an empty one.
        photos: Number of photos in each bucket.
        influence: "large", "medium", "small", or "chance" if it is not significant.
        p_value: How often buckets assigned at random differ as much.
        most_affected: Index of the class with the largest deviation.
    """

    f1: tuple[tuple[float | None, ...], ...]
    deviation: tuple[float, ...]
    ranges: tuple[tuple[float, float] | None, ...]
    photos: tuple[int, ...]
    influence: str
    p_value: float
    most_affected: int


def bucket(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Assign each of N values to one of five buckets of equal size; bucket 0 is the lowest.

    Equal values share a bucket, that of their mean rank: assigned in file order, they would
    separate the classes.
    """
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="left")
    up_to = np.searchsorted(ordered, values, side="right")
    middle = (below + up_to) / 2 / len(values)  # 0..1
    return np.minimum(middle * BUCKETS, BUCKETS - 1).astype(np.int64)


def examine(
    values: NDArray[np.float64],
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    num_classes: int,
) -> Sensitivity:
    """Measure the influence of one feature, given its values [N] and the answers [N]."""
    buckets = bucket(values)
    f1 = bucket_f1(buckets, predicted, labels, num_classes)  # [5, C]
    deviation = _deviation(f1)  # [C]
    random = np.random.default_rng(0)  # so the same photos and answers give the same verdict
    dealt = [
        _deviation(bucket_f1(random.permutation(buckets), predicted, labels, num_classes)).mean()
        for _ in range(_DEALS)
    ]
    p_value = (1 + sum(mean >= deviation.mean() for mean in dealt)) / (_DEALS + 1)
    inside = [values[buckets == number] for number in range(BUCKETS)]
    return Sensitivity(
        f1=tuple(tuple(None if np.isnan(cell) else float(cell) for cell in row) for row in f1),
        deviation=tuple(float(value) for value in deviation),
        ranges=tuple((float(v.min()), float(v.max())) if len(v) else None for v in inside),
        photos=tuple(len(v) for v in inside),
        influence=_influence(float(deviation.mean()), p_value),
        p_value=p_value,
        most_affected=int(deviation.argmax()),
    )


def bucket_f1(
    buckets: NDArray[np.int64],
    predicted: NDArray[np.int64],
    labels: NDArray[np.int64],
    num_classes: int,
) -> NDArray[np.float64]:
    """Compute each class's F1 in each bucket, [5, C]; NaN if the class has no photo there."""
    size = BUCKETS * num_classes

    def count(classes: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.bincount(places * num_classes + classes, minlength=size)

    right = predicted == labels
    actual, told = count(labels, buckets), count(predicted, buckets)
    hits = count(labels[right], buckets[right])
    f1 = np.where(actual > 0, 2 * hits / np.maximum(actual + told, 1), np.nan)
    return f1.reshape(BUCKETS, num_classes)


def _deviation(f1: NDArray[np.float64]) -> NDArray[np.float64]:
    """Population standard deviation over the buckets that have photos, [C]; 0 without any."""
    there = ~np.isnan(f1)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, f1, 0).sum(axis=0) / count
    squares = np.where(there, f1 - mean, 0) ** 2
    deviation: NDArray[np.float64] = np.sqrt(squares.sum(axis=0) / count)
    return deviation


def _influence(mean_deviation: float, p_value: float) -> str:
    if p_value > _SIGNIFICANT:
        return "chance"
    if mean_deviation >= _LARGE:
        return "large"
    return "medium" if mean_deviation >= _MEDIUM else "small"
