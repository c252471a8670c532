"""Evaluates a network on a data set; `train.evaluation.files` writes the results."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from train.data.check import check_photos
from train.data.data_set import SPLITS, TEST, labelled_as
from train.evaluation.cautions import cautions
from train.evaluation.metrics import measure
from train.evaluation.predict import choose_device, see
from train.markdown import accuracy_sentence
from train.model_folder import read_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from classifier.description import Preprocessing
    from train.data.data_set import DataSet, Photo
    from train.evaluation.metrics import Metrics

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluated:
    """The results on the N photos of a split.

    Attributes:
        photos: Their files and classes.
        probabilities: float32 [N, C].
        features: float32 [N, F], the last layer's input for each photo.
        metrics: Accuracy and the other metrics.
        cautions: Why the figures may mean little; each a sentence.
    """

    photos: tuple[Photo, ...]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]
    metrics: Metrics
    cautions: tuple[str, ...] = ()

    @property
    def labels(self) -> NDArray[np.int64]:
        """The actual classes, [N]."""
        return np.array([photo.label for photo in self.photos])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each photo got its class, [N]."""
        right: NDArray[np.bool_] = self.probabilities.argmax(axis=1) == self.labels
        return right


@dataclass(frozen=True)
class Evaluation:
    """The results of a network on a data set.

    Attributes:
        network: The network.
        preprocessing: How photos became pixels.
        data_set: The photos, with the classes in the order of the outputs.
        splits: The results on each split.
        facts: Facts about the network, such as the SHA-256 of its weights.
    """

    network: nn.Module
    preprocessing: Preprocessing
    data_set: DataSet
    splits: Mapping[str, Evaluated]
    facts: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    network: nn.Module,
    data_set: DataSet,
    preprocessing: Preprocessing,
    facts: Mapping[str, str] | None = None,
) -> Evaluation:
    """Let a network classify all splits as the handler sees them, in a fixed order.

    Args:
        network: On any device.
        data_set: The photos, with the classes in the order of the outputs.
        preprocessing: How they become pixels.
        facts: Facts about the network, for the record.
    """
    splits = {}
    for split in (*SPLITS, TEST):
        photos: tuple[Photo, ...] = getattr(data_set, split)
        if not photos:
            continue
        seen = see(network, photos, preprocessing)
        labels = [photo.label for photo in photos]
        metrics = measure(seen.probabilities, labels, data_set.class_names)
        told = tuple(cautions(split, metrics, data_set.near_duplicates.get(split, 0)))
        splits[split] = Evaluated(photos, seen.probabilities, seen.features, metrics, told)
        logger.info("%s: %s", split, accuracy_sentence(metrics))
        for caution in told:
            logger.warning("%s: %s", split, caution)
    return Evaluation(network, preprocessing, data_set, splits, facts or {})


def evaluate_folder(model_root: Path, data_root: Path) -> Evaluation:
    """Evaluate the model in a folder such as `artifacts` or `pretrained`.

    The classes are matched by name; the data set may lack some of the model's. A folder of class
    folders is a test set.

    Raises:
        DataError: The data set is unfit, or has a class that the model does not know.
        classifier.errors.ModelError: The model's files are missing, damaged, or not those that the
            description is for.
    """
    model = read_model(model_root)
    listed, data_fingerprint = check_photos(data_root)
    return evaluate(
        model.network.to(choose_device()),
        labelled_as(listed, model.class_names),
        model.description.preprocessing,
        {
            "architecture": model.description.arch,
            "weights_sha256": model.description.weights_sha256,
            "data_fingerprint": data_fingerprint,
        },
    )
