"""A classifier's metrics from its probabilities: scikit-learn's, plus a confidence interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from certainty.shares import wilson_interval
from train.evaluation.curves import calibrate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassFigures:
    """Precision, recall and F1 of one class, 0..1, and how many photos it has."""

    name: str
    precision: float
    recall: float
    f1: float
    images: int


@dataclass(frozen=True)
class Metrics:
    """A classifier's metrics on N photos.

    Attributes:
        images: Number of photos N.
        accuracy: Share of correct answers, 0..1.
        accuracy_ci95: Its 95 % confidence interval (Wilson).
        per_class: In the order of the output neurons.
        confusion_matrix: Counts [C][C]; rows are actual classes, columns predicted ones.
        calibration_error: Expected calibration error over 15 bins, 0..1 (Guo et al. 2017).
        confidence_p5: 5th percentile of the best probability, 0..1.
    """

    images: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    per_class: tuple[ClassFigures, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    calibration_error: float
    confidence_p5: float


def measure(
    probabilities: NDArray[np.float32], labels: Sequence[int], class_names: Sequence[str]
) -> Metrics:
    """Compare probabilities [N, C] with the N indices of the actual classes."""
    predicted = probabilities.argmax(axis=1)  # [N]
    indices = range(len(class_names))
    figures = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0.0)
    right = int((predicted == np.asarray(labels)).sum())
    return Metrics(
        images=len(labels),
        accuracy=right / len(labels),
        accuracy_ci95=wilson_interval(right, len(labels)),
        per_class=tuple(
            ClassFigures(name, float(precision), float(recall), float(f1), int(images))
            for name, precision, recall, f1, images in zip(class_names, *figures, strict=True)
        ),
        confusion_matrix=tuple(
            tuple(int(count) for count in row)
            for row in confusion_matrix(labels, predicted, labels=indices)
        ),
        calibration_error=calibrate(probabilities, np.asarray(labels)).expected_error,
        confidence_p5=float(np.quantile(probabilities.max(axis=1), 0.05)),
    )
