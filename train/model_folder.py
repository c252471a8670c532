"""The files that make up a model: weights, labels, description, reference answers, recipe.

`artifacts/` and `pretrained/` are such folders; `archive` packs one of them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import torch

from classifier.answers import softmax
from classifier.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    check_sha256,
    write_description,
)
from classifier.images import read_pixels
from classifier.labels import LABELS_FILE, write_labels
from classifier.network import ServedNetwork, load_network
from classifier.reference import REFERENCE_FILE, REFERENCE_NAMES, draw_png, write_reference
from classifier.similarity import CLASS_MEANS_FILE
from storage.files import atomic_file, write_text
from train.data.data_set import MAX_BYTES, MAX_PIXELS
from train.fit.weights import TrainedModel, load_model, write_weights
from train.recipe import RECIPE_FILE, recipe_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from classifier.description import Preprocessing
    from classifier.images import Pixels
    from train.evaluation.metrics import Metrics
    from train.recipe import Recipe

FALSE_REJECT_RATE = 0.05


def read_model(folder: Path) -> TrainedModel:
    """Read a model folder such as `artifacts` or `pretrained`.

    Raises:
        classifier.errors.ModelError: A file is missing or damaged, or not the one that the
            description is for, as after a training that was killed while replacing them.
    """
    model = load_model(folder)
    if expected := model.description.class_means_sha256:
        check_sha256(folder / CLASS_MEANS_FILE, expected)
    return model


def write_network(
    path: Path, state: Mapping[str, Tensor], arch: str, num_classes: int, size: int
) -> tuple[nn.Module, str]:
    """Write weights and load them again, so that the evaluation uses what is in the file.

    Returns:
        The loaded network and the file's SHA-256.
    """
    sha256 = write_weights(path, state)
    return load_network(path, arch, num_classes, size), sha256


def describe(
    description: ModelDescription, metrics: Metrics, test: Metrics | None = None
) -> ModelDescription:
    """Return the description with the figures of an evaluation.

    Args:
        description: Of the model.
        metrics: On the validation photos.
        test: On the test photos, if there are any.
    """
    if test is not None:
        description = dataclasses.replace(
            description,
            test_accuracy=test.accuracy,
            test_accuracy_ci95=test.accuracy_ci95,
            test_images=test.images,
        )
    return dataclasses.replace(
        description,
        reject_below=metrics.confidence_p5,
        false_reject_rate=FALSE_REJECT_RATE,
        val_accuracy=metrics.accuracy,
        val_accuracy_ci95=metrics.accuracy_ci95,
        val_images=metrics.images,
    )


def write_model_files(
    folder: Path,
    description: ModelDescription,
    class_names: Sequence[str],
    answers: Mapping[str, NDArray[np.float32]],
    recipe: Recipe | None = None,
) -> None:
    """Write all files of a model except the weights; no recipe if it was trained elsewhere."""
    if recipe is not None:
        write_text(folder / RECIPE_FILE, recipe_text(recipe))
    with atomic_file(folder / LABELS_FILE) as temporary:
        write_labels(temporary, class_names)
    with atomic_file(folder / REFERENCE_FILE) as temporary:
        write_reference(temporary, answers)
    with atomic_file(folder / DESCRIPTION_FILE) as temporary:
        write_description(temporary, description)


def reference_answers(
    network: nn.Module, preprocessing: Preprocessing
) -> dict[str, NDArray[np.float32]]:
    """Compute the probabilities [C] that the evaluation gives to each reference picture.

    The network is moved to the CPU, so that the answers do not depend on the training machine.
    """
    pictures = np.stack([picture_pixels(name, preprocessing) for name in REFERENCE_NAMES])
    served = ServedNetwork(network, preprocessing).cpu().eval()
    with torch.inference_mode():
        logits, _ = served(torch.from_numpy(pictures))  # [N, C]
    return dict(zip(REFERENCE_NAMES, softmax(logits.numpy()), strict=True))


def picture_pixels(name: str, preprocessing: Preprocessing) -> Pixels:
    """Decode a reference picture like a photo; uint8 RGB [crop, crop, 3]."""
    return read_pixels(draw_png(name), preprocessing, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
