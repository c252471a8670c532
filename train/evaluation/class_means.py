"""The mean features of each class, with which the handler detects pictures of none of them.

The training job computes them; `python -m train.evaluation.class_means` adds them to an existing
model without training it again. `classifier.similarity` compares pictures with them.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from classifier.description import (
    DESCRIPTION_FILE,
    read_description,
    sha256_of_file,
    write_description,
)
from classifier.similarity import CLASS_MEANS_FILE, directions, similarity
from storage.files import atomic_file
from train.cli import add_urls, run_command
from train.data.check import check_data_set
from train.data.data_set import listed
from train.errors import DataError
from train.evaluation.evaluate import evaluate_folder
from train.model_folder import FALSE_REJECT_RATE
from train.urls import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.description import ModelDescription
    from train.evaluation.evaluate import Evaluated

logger = logging.getLogger(__name__)


def add_class_means(
    folder: Path, description: ModelDescription, results: Mapping[str, Evaluated]
) -> ModelDescription:
    """Write the class means to a model folder; return the description with their fields added.

    Args:
        folder: The folder of the weights.
        description: The model's description.
        results: Its evaluation: the training photos give the means, the others the threshold.

    Raises:
        DataError: A class has no photos.
    """
    train, val = results["train"], results["val"]
    absent = [one.name for one in train.metrics.per_class if not one.images]
    if absent:
        raise DataError(f"no training photos of {listed(absent)}: a class needs some for its mean")
    means = np.stack(
        [train.features[train.labels == label].mean(axis=0) for label in np.unique(train.labels)]
    )  # [C, F]
    with atomic_file(folder / CLASS_MEANS_FILE) as temporary:
        np.save(temporary, means)
    similarities = similarity(val.features, directions(means))
    return dataclasses.replace(
        description,
        class_means_sha256=sha256_of_file(folder / CLASS_MEANS_FILE),
        similarity_below=float(np.quantile(similarities, FALSE_REJECT_RATE)),
        false_reject_rate=FALSE_REJECT_RATE,
    )


def add_to_folder(folder: Path, data_root: Path) -> None:
    """Add the class means to a model folder, from the photos that it was trained on.

    Raises:
        DataError: The photos differ from the training's.
        classifier.errors.ModelError: Files of the model are missing or damaged.
    """
    description = read_description(folder / DESCRIPTION_FILE)
    _, fingerprint = check_data_set(data_root)
    if fingerprint != description.data_fingerprint:
        raise DataError(
            f"{data_root}: these are not the photos that the model in {folder} was trained on "
            f"(fingerprint {fingerprint[:12]}, the model's {description.data_fingerprint[:12]}): "
            "use those, or train again"
        )
    description = add_class_means(folder, description, evaluate_folder(folder, data_root).splits)
    with atomic_file(folder / DESCRIPTION_FILE) as temporary:
        write_description(temporary, description)
    logger.info("wrote %s", folder / CLASS_MEANS_FILE)


def main(arguments: list[str] | None = None) -> int:
    """Add class means to a model; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluation.class_means",
        description="Add to a trained model what tells pictures of none of its classes.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="the model's")
    add_urls(parser, "data_url")
    options = parser.parse_args(arguments)
    return run_command(lambda: add_to_folder(options.model, local_path(options.data_url)))


if __name__ == "__main__":
    sys.exit(main())
