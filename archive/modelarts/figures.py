"""The figures in `config.json`: measured on the validation photos, or left out.

They come from the training's report if it is about these weights, else are measured now if there
are photos. None is ever made up.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from classifier.labels import positions
from train.data.check import check_data_set
from train.evaluation.metrics import measure
from train.evaluation.predict import choose_device, predict
from train.training_report import REPORT_JSON

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archive.source import Source

logger = logging.getLogger(__name__)


def find_figures(source: Source, photos: Callable[[], Path | None]) -> dict[str, float]:
    """Return accuracy, and recall, precision and F1 as means over the classes, each 0..1.

    Args:
        source: The checked model.
        photos: Fetches the data set to measure on if there is no training report; None if there is
            no data set.
    """
    per_class = _reported(source)
    accuracy = source.description.val_accuracy
    if per_class is None and (data_root := photos()) is not None:
        accuracy, per_class = _measured(source, data_root)
    figures = {} if accuracy is None else {"accuracy": accuracy}
    if not per_class:
        logger.warning(
            "%s has no report of these weights, and there are no photos of its classes (DATA_URL): "
            "config.json leaves out f1, recall and precision",
            source.folder,
        )
        return figures
    for name in ("f1", "recall", "precision"):
        figures[name] = sum(figure[name] for figure in per_class) / len(per_class)
    return {name: round(value, 6) for name, value in figures.items()}


def _reported(source: Source) -> list[dict[str, Any]] | None:
    """Return the figures of each class from the training's report, if it is about these weights."""
    try:
        report = json.loads((source.folder / REPORT_JSON).read_text(encoding="utf-8"))
        if report["sha256"][source.weights.name] != source.description.weights_sha256:
            return None
        per_class: list[dict[str, Any]] = report["metrics"]["val"]["per_class"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return per_class


def _measured(source: Source, data_root: Path) -> tuple[float | None, list[dict[str, Any]]]:
    data_set, _ = check_data_set(data_root)
    if sorted(data_set.class_names) != sorted(source.class_names):
        logger.warning("the classes of %s are not the model's: not measured on it", data_root)
        return source.description.val_accuracy, []
    order = positions(source.class_names, data_set.class_names)
    network = source.network.module.to(choose_device())
    probabilities = predict(network, data_set.val, source.description.preprocessing)
    labels = [order[photo.label] for photo in data_set.val]
    metrics = measure(probabilities, labels, source.class_names)
    return metrics.accuracy, [
        {"f1": c.f1, "recall": c.recall, "precision": c.precision} for c in metrics.per_class
    ]
