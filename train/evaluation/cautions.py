"""Reasons to doubt a result: too few photos, accuracy at chance, one class for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.data.data_set import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from train.evaluation.metrics import Metrics

FEW_PHOTOS = 30  # with fewer, one photo changes the accuracy by more than three points


def cautions(split: str, metrics: Metrics, near_duplicates: int = 0) -> Iterator[str]:
    """Yield a sentence for each reason to doubt the figures of a split.

    Args:
        split: "train", "val" or "test".
        metrics: Its figures.
        near_duplicates: How many of its photos show the same as a training photo.
    """
    if near_duplicates:
        yield (
            f"{near_duplicates} of the {metrics.images} photos show the same as a training photo "
            "(near-duplicates), which makes the accuracy too high: `make data` with this folder as "
            "its SOURCE leaves such photos out."
        )
    absent = [one.name for one in metrics.per_class if not one.images]
    if absent:
        yield (
            f"Of the model's {len(metrics.per_class)} classes, {len(absent)} have no photos here, "
            f"and no figures: {listed(absent)}."
        )
    if split == "val" and metrics.images < FEW_PHOTOS:
        yield (
            f"With {metrics.images} photos the accuracy says little, and so do the epoch, the "
            f"temperature and the thresholds that they chose: use {FEW_PHOTOS} at the least, "
            "better hundreds."
        )
    if split == "test" and metrics.images < FEW_PHOTOS:
        yield (
            f"With {metrics.images} photos the accuracy says little: use {FEW_PHOTOS} at the "
            "least, better hundreds."
        )
    yield from _no_better_than_one_class(metrics)


def _no_better_than_one_class(metrics: Metrics) -> Iterator[str]:
    predicted = [sum(column) for column in zip(*metrics.confusion_matrix, strict=True)]
    most = max(metrics.per_class, key=lambda one: one.images)
    if max(predicted) == metrics.images > most.images:
        name = metrics.per_class[predicted.index(metrics.images)].name
        yield (
            f"Every photo gets the class {name}: the model tells nothing apart. "
            "A lower learning rate (lr), more epochs or better initial weights (init) may help."
        )
    elif metrics.accuracy_ci95[0] <= (share := most.images / metrics.images) < 1:
        yield (
            f"This may be chance: always answering {most.name} would be right for "
            f"{100 * share:.1f} % of these photos."
        )
