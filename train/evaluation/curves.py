"""Metrics of the probabilities: ROC and precision-recall curves, and calibration."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALIBRATION_BINS = 15
_MAX_POINTS, _MIN_POINTS = 200, 20
_POINTS_OF_A_CHART = 4000


@dataclass(frozen=True)
class Curve:
    """The curve of one class against the others.

    Attributes:
        points: float64 [P, 2], x and y, at most 200 of them.
        area: Area under the whole curve, before thinning; NaN if there is no curve.
    """

    points: NDArray[np.float64]
    area: float


# For a class without photos, or without other classes' photos.
_NO_CURVE = Curve(np.empty((0, 2)), float("nan"))


@dataclass(frozen=True)
class Bin:
    """The photos whose best probability lies between `low` and `high`."""

    low: float
    high: float
    photos: int
    confidence: float  # mean of their best probabilities; 0 without photos
    accuracy: float  # share of them that are right; 0 without photos


@dataclass(frozen=True)
class Calibration:
    """How well calibrated the probabilities are.

    Attributes:
        bins: Bins of equal width.
        expected_error: Expected calibration error, 0..1: the mean distance of confidence and
            accuracy, weighted by photos (Guo et al. 2017, equation 3).
    """

    bins: tuple[Bin, ...]
    expected_error: float


def roc(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Curve]:
    """Compute each class's ROC curve: false positive rate, true positive rate."""
    curves = []
    for index in range(probabilities.shape[1]):
        positive = labels == index
        if not positive.any() or positive.all():
            curves.append(_NO_CURVE)
            continue
        false, true, _ = roc_curve(positive, probabilities[:, index])
        points = np.column_stack([false, true])
        curves.append(Curve(thin(points, probabilities.shape[1]), float(auc(false, true))))
    return curves


def precision_recall(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Curve]:
    """Compute each class's precision-recall curve: recall, precision; area is AP."""
    curves = []
    for index in range(probabilities.shape[1]):
        positive, score = labels == index, probabilities[:, index]
        if not positive.any():
            curves.append(_NO_CURVE)
            continue
        precision, recall, _ = precision_recall_curve(positive, score, drop_intermediate=True)
        points = np.column_stack([recall, precision])[::-1]  # from recall 0 on
        area = float(average_precision_score(positive, score))
        curves.append(Curve(thin(points, probabilities.shape[1]), area))
    return curves


def thin(points: NDArray[np.float64], curves: int) -> NDArray[np.float64]:
    """Thin the points [P, 2] of a curve so that a chart of `curves` curves stays small.

    They are chosen evenly along the curve's length; both ends are kept.
    """
    limit = min(_MAX_POINTS, max(_MIN_POINTS, _POINTS_OF_A_CHART // curves))
    if len(points) <= limit:
        return points
    length = np.concatenate([[0.0], np.abs(np.diff(points, axis=0)).sum(axis=1).cumsum()])
    wanted = np.linspace(0, length[-1], limit)
    kept = np.unique(np.searchsorted(length, wanted).clip(0, len(points) - 1))
    kept[0], kept[-1] = 0, len(points) - 1
    thinned: NDArray[np.float64] = points[kept]
    return thinned


def calibrate(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Calibration:
    """Compare the best probability of each photo with how often it is right."""
    confidence = probabilities.max(axis=1).astype(np.float64)  # [N]
    right = probabilities.argmax(axis=1) == labels  # [N]
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    places = np.clip(np.ceil(confidence * CALIBRATION_BINS) - 1, 0, CALIBRATION_BINS - 1)
    bins = []
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = places == number
        photos = int(inside.sum())
        means = (confidence[inside].mean(), right[inside].mean()) if photos else (0.0, 0.0)
        bins.append(Bin(float(low), float(high), photos, float(means[0]), float(means[1])))
    error = sum(b.photos * abs(b.accuracy - b.confidence) for b in bins) / len(labels)
    return Calibration(tuple(bins), float(error))
