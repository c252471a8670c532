"""Checks an imported model on photos: its accuracy by class name, and what would explain it.

Most weights files do not record class order and preprocessing, and a model with the wrong ones
answers just as confidently. So three findings stop an import unless it is forced: another class
order explains the answers better, another preprocessing or network does, or the model is no better
than guessing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from archive.errors import ModelImportError
from archive.imports.labels import shown
from certainty.shares import wilson_interval
from train.evaluation.metrics import measure
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from archive.imports.photos import Seen
    from train.evaluation.metrics import Metrics

_SURE = 0.001  # chance of a false alarm, for one test per alternative and a handful of them
_GAIN = 0.03  # least gain in accuracy of a better preprocessing
_AGREEMENT = 0.2  # least gain in Cohen's kappa of another order: 0 is guessing, 1 all correct
logger = logging.getLogger(__name__)


class Order(NamedTuple):
    """Another class order: its name, and the class names by output."""

    class_names: tuple[str, ...]
    name: str


class Alternative(NamedTuple):
    """Another way to read the same weights: its name, how to choose it, its answers."""

    name: str
    remedy: str
    seen: Seen


def tell(metrics: Metrics) -> None:
    """Log the accuracy, overall and per class, with 95 % confidence intervals (Wilson)."""
    logger.info(
        "accuracy %s on %d photos", _interval(metrics.accuracy, metrics.images), metrics.images
    )
    for figures in metrics.per_class:
        if figures.images:
            interval = _interval(figures.recall, figures.images)
            logger.info("  %s: %s of %d", figures.name, interval, figures.images)


def measure_seen(seen: Seen, class_names: Sequence[str]) -> Metrics:
    """Return the metrics of the answers."""
    return measure(seen.probabilities, seen.labels.tolist(), class_names)


def check_order(seen: Seen, class_names: Sequence[str], labels: str) -> None:
    """Check that no other class order explains the answers clearly better.

    Args:
        seen: The answers.
        class_names: In the order of the model's labels.
        labels: Where those are from, for the message.

    Raises:
        ModelImportError: One does.
    """
    predicted = seen.probabilities.argmax(axis=1)
    order = _best_order(seen.labels, predicted, class_names)
    right = _reordered(predicted, order, class_names) == seen.labels
    if not _gains_sense(seen, order, class_names) or not _beats(right, seen.right):
        return
    for known in (
        Order(tuple(sorted(class_names)), "alphabetical order"),
        Order(tuple(reversed(class_names)), "the reverse order"),
    ):
        if (_reordered(predicted, known, class_names) == seen.labels).sum() >= right.sum():
            order = known
            break
    raise ModelImportError(
        f"{_share(seen.right)} of the photos are right by class name, but {_share(right)} if the "
        f"classes were in {order.name}: is {labels} of this model? Name the right one with "
        "LABELS=, or go on as it is with ARGS=--force"
    )


def check_alternatives(seen: Seen, others: Iterable[Alternative]) -> None:
    """Check that no other preprocessing or network does clearly better on the same photos.

    Args:
        seen: The answers.
        others: The alternatives, with their answers to the same photos.

    Raises:
        ModelImportError: One does.
    """
    best: Alternative | None = None
    gain = 0.0
    for other in others:
        difference = float(other.seen.right.mean() - seen.right.mean())
        if difference >= max(_GAIN, gain) and _beats(other.seen.right, seen.right):
            best, gain = other, difference
    if best is not None:
        raise ModelImportError(
            f"{_share(seen.right)} of the photos are right, but {_share(best.seen.right)} with "
            f"{best.name}: was the model trained so? Say {best.remedy}, or go on "
            "as it is with ARGS=--force"
        )


def check_chance(seen: Seen) -> None:
    """Check that the model does better than guessing, or than one answer for everything.

    Raises:
        ModelImportError: It does not.
    """
    predicted = seen.probabilities.argmax(axis=1)
    classes = range(seen.probabilities.shape[1])
    # What the same answers would get right if assigned to the photos at random.
    expected = sum(float((predicted == c).mean() * (seen.labels == c).mean()) for c in classes)
    right, photos = int(seen.right.sum()), len(seen.labels)
    if binomtest(right, photos, min(expected, 1.0), alternative="greater").pvalue > _SURE * 10:
        share = float(np.bincount(predicted).max() / photos)
        one = f"; {share:.0%} of the answers are one class" if share > 0.9 else ""  # noqa: PLR2004
        raise ModelImportError(
            f"{_interval(right / photos, photos)} of {photos} photos are right, no better than "
            f"guessing{one}: check LABELS=, ARCH= and the preprocessing, or go on with ARGS=--force"
        )


def _best_order(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], class_names: Sequence[str]
) -> Order:
    """Return the class order under which most answers would be right."""
    counts = confusion_matrix(labels, predicted, labels=range(len(class_names)))
    names = [""] * len(class_names)
    for actual, output in zip(*linear_sum_assignment(counts, maximize=True), strict=True):
        names[output] = class_names[actual]
    return Order(tuple(names), f"the order {shown(names)}")


def _reordered(
    predicted: NDArray[np.int64], order: Order, class_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return the answers [N] under another order of the outputs."""
    positions = np.array([class_names.index(name) for name in order.class_names])
    reordered: NDArray[np.int64] = positions[predicted]
    return reordered


def _gains_sense(seen: Seen, order: Order, class_names: Sequence[str]) -> bool:
    """Whether an order explains the answers, rather than just matching a frequent class."""
    predicted = seen.probabilities.argmax(axis=1)
    before = _kappa(predicted, seen.labels, len(class_names))
    after = _kappa(_reordered(predicted, order, class_names), seen.labels, len(class_names))
    return after - before >= _AGREEMENT


def _kappa(predicted: NDArray[np.int64], labels: NDArray[np.int64], num_classes: int) -> float:
    if len(np.unique(np.concatenate([predicted, labels]))) == 1:
        return 1.0
    return float(cohen_kappa_score(predicted, labels, labels=range(num_classes)))


def _beats(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    """Whether one is right on significantly more of the same photos (exact McNemar test)."""
    gained, lost = int((one & ~other).sum()), int((~one & other).sum())
    if gained <= lost:
        return False
    return float(binomtest(gained, gained + lost, alternative="greater").pvalue) < _SURE


def _share(right: NDArray[np.bool_]) -> str:
    return percent(float(right.mean()))


def _interval(share: float, photos: int) -> str:
    low, high = wilson_interval(round(share * photos), photos)
    return f"{percent(share)} ({percent(low)} to {percent(high)})"
