"""Formats figures as Markdown, for reports, evaluations and model cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from train.evaluation.metrics import Metrics


def accuracy_sentence(metrics: Metrics) -> str:
    """State the accuracy with its confidence interval."""
    low, high = metrics.accuracy_ci95
    return (
        f"Accuracy {percent(metrics.accuracy)} on {metrics.images:,} photos "
        f"(95 % confidence interval {percent(low)} to {percent(high)})."
    )


def calibration_sentence(metrics: Metrics, fit: Mapping[str, float] | None) -> str:
    """State the calibration error, and the effect of a fitted temperature on it."""
    after = f"The expected calibration error (15 bins) is {metrics.calibration_error:.3f}"
    if fit is None:
        return f"{after}; the probabilities are not calibrated."
    return (
        f"{after}; before the logits were divided by {fit['temperature']:.3f}, it was "
        f"{fit['error_before']:.3f}. That number was fitted on the same photos."
    )


def per_class_table(metrics: Metrics) -> str:
    """Format precision, recall and F1 of each class."""
    rows = [
        (c.name, percent(c.precision), percent(c.recall), f"{c.f1:.3f}", c.images)
        for c in metrics.per_class
    ]
    return table(("class", "precision", "recall", "F1", "photos"), rows)


def confusion_table(metrics: Metrics) -> str:
    """Format the confusion matrix; rows are actual classes, columns predicted ones."""
    names = [c.name for c in metrics.per_class]
    rows = [(name, *row) for name, row in zip(names, metrics.confusion_matrix, strict=True)]
    return table(("actual / predicted", *names), rows)


def percent(share: float) -> str:
    """Format a share of 0..1."""
    return f"{100 * share:.1f} %"
