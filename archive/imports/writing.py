"""Writes an imported model as training does: the same files, by the same functions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from archive.errors import ModelImportError
from archive.imports.checking import measure_seen
from archive.imports.photos import PhotoSet, Seen, evenly, see
from classifier.architectures import ONNX_SUFFIX, file_name
from classifier.description import DESCRIPTION_FILE, ModelDescription, sha256_of_file
from classifier.network import load_network
from storage.files import staged_files
from train.evaluation.class_means import add_class_means
from train.evaluation.evaluate import Evaluated
from train.model_folder import describe, reference_answers, write_model_files, write_network

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from archive.imports.onnx_model import OnnxModel
    from classifier.description import Preprocessing
    from storage import Output
    from train.evaluation.metrics import Metrics

_PHOTOS_A_CLASS = 100  # for the class means; more no longer change them
RECIPE = "import"
logger = logging.getLogger(__name__)


class Imported(NamedTuple):
    """A network with its weights, class names and preprocessing.

    Attributes:
        arch: The network's name.
        state: Its tensors; empty for an ONNX graph.
        class_names: In the order of the outputs.
        preprocessing: How an image becomes the network's input.
        onnx: The ONNX file; None for a network of a library.
    """

    arch: str
    state: dict[str, Tensor]
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    onnx: OnnxModel | None = None


def check_place(place: Output, *, replace: bool) -> None:
    """Check that no model is overwritten by accident.

    Raises:
        ModelImportError: There is one.
    """
    place.bring(DESCRIPTION_FILE)
    if (place.folder / DESCRIPTION_FILE).is_file() and not replace:
        raise ModelImportError(
            f"{place.url} holds a model already: name another TRAIN_URL, or replace it with "
            "ARGS=--replace"
        )


class Checked(NamedTuple):
    """The photos that a model was checked on, its answers to `photos.val`, and the metrics."""

    photos: PhotoSet
    seen: Seen
    metrics: Metrics


def write_model(folder: Path, model: Imported, checked: Checked | None = None) -> None:
    """Write the model folder.

    Args:
        folder: The folder to write.
        model: The network; its values are written as they are.
        checked: The results on photos; None if there were none.
    """
    with staged_files(folder, last=(DESCRIPTION_FILE,)) as staging:
        path = staging / file_name(model.arch, ".pth")
        size = model.preprocessing.crop
        if model.onnx is not None:
            path = staging / f"model{ONNX_SUFFIX}"
            path.write_bytes(model.onnx.data)
            network = load_network(path, model.arch, len(model.class_names), size)
            sha256 = sha256_of_file(path)
        else:
            network, sha256 = write_network(
                path, model.state, model.arch, len(model.class_names), size
            )
        description = ModelDescription(
            arch=model.arch,
            weights_file=path.name,
            weights_sha256=sha256,
            preprocessing=model.preprocessing,
            recipe=RECIPE,
        )
        if checked is not None:
            description = describe(description, checked.metrics)
            if model.onnx is None:
                description = _with_class_means(staging, description, network, checked)
            else:
                logger.info(
                    "class means: none, as nothing is known of an ONNX graph's layers: "
                    "reject_unknown goes by the best probability instead of the similarity"
                )
        answers = reference_answers(network, model.preprocessing)
        write_model_files(staging, description, model.class_names, answers)


def _with_class_means(
    folder: Path, description: ModelDescription, network: nn.Module, checked: Checked
) -> ModelDescription:
    """Add the class means, which detect unknown classes, if every class has training photos."""
    num_classes = len(checked.photos.class_names)
    wanted = evenly(checked.photos.train, _PHOTOS_A_CLASS * num_classes)
    if len({photo.label for photo in wanted}) < num_classes:
        logger.info("class means: none, as there are no training photos of every class")
        return description
    train = see(network, wanted, description.preprocessing, "class means")
    metrics = measure_seen(train, checked.photos.class_names)
    if not all(figures.images for figures in metrics.per_class):
        return description
    val = checked.seen
    results = {
        "train": Evaluated(train.photos, train.probabilities, train.features, metrics),
        "val": Evaluated(val.photos, val.probabilities, val.features, checked.metrics),
    }
    return add_class_means(folder, description, results)
