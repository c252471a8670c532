"""The photos that an imported model is checked on, with classes matched by name."""

from __future__ import annotations

import difflib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from archive.errors import ModelImportError
from archive.imports.labels import shown
from classifier.answers import softmax
from classifier.errors import RequestError
from classifier.network import ServedNetwork
from train.data.data_set import SPLITS, Photo, read_evaluation_pixels
from train.data.recognition import list_classes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from classifier.description import Preprocessing

_BATCH_SIZE = 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhotoSet:
    """Photos with the indices of the model's own classes.

    Attributes:
        class_names: The model's class names.
        train: For the class means; empty if the photos are not split.
        val: For the accuracy.
    """

    class_names: tuple[str, ...]
    train: tuple[Photo, ...]
    val: tuple[Photo, ...]


class Seen(NamedTuple):
    """A network's output for N photos.

    Attributes:
        photos: Those that could be read.
        probabilities: float32 [N, C].
        features: float32 [N, F], the last layer's input.
    """

    photos: tuple[Photo, ...]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The actual classes, [N]."""
        return np.array([photo.label for photo in self.photos])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each photo got its class, [N]."""
        right: NDArray[np.bool_] = self.probabilities.argmax(axis=1) == self.labels
        return right


def folder_names(root: Path) -> tuple[str, ...]:
    """Return the names of a data set's class folders, sorted as torchvision sorts them."""
    return tuple(sorted({name for classes in _listing(root).values() for name in classes}))


def read_photo_set(root: Path, class_names: Sequence[str]) -> PhotoSet:
    """List the photos of `{train,val}/<class>/`, or of `<class>/`, which are then all `val`.

    Raises:
        ModelImportError: There are none, or some are of a class that the model does not have.
    """
    listing = _listing(root)
    found = sorted({name for classes in listing.values() for name in classes})
    strange = [name for name in found if name not in class_names]
    if strange:
        close = difflib.get_close_matches(strange[0], class_names, n=1)
        hint = f" (is it {close[0]!r}?)" if close else ""
        raise ModelImportError(
            f"{root}: {strange[0]!r} is not one of the model's classes{hint}, which are "
            f"{shown(class_names)}: "
            "rename the folder, or name the labels of this model with LABELS="
        )
    absent = [name for name in class_names if name not in found]
    if absent:
        logger.warning("no photos of %s: these classes are not checked", ", ".join(absent))
    photos = {
        split: tuple(
            Photo(path, class_names.index(name))
            for name, paths in classes.items()
            for path in paths
        )
        for split, classes in listing.items()
    }
    if not photos["val"]:
        raise ModelImportError(
            f"{root}: no photos to check the model on: expected {root}/val/<class>/<photo>"
        )
    return PhotoSet(tuple(class_names), photos["train"], photos["val"])


def evenly(photos: Sequence[Photo], most: int) -> tuple[Photo, ...]:
    """Return at most `number` photos, evenly spread over the classes."""
    step = max(1, -(-len(photos) // most))
    return tuple(photos[::step])


def see(
    network: nn.Module, photos: Sequence[Photo], preprocessing: Preprocessing, what: str
) -> Seen:
    """Classify photos as they would be served; unreadable ones are left out and logged."""
    served = ServedNetwork(network, preprocessing).eval()
    readable: list[Photo] = []
    probabilities, features = [], []
    unreadable: list[Path] = []
    with torch.inference_mode():
        for start in tqdm(range(0, len(photos), _BATCH_SIZE), desc=what, leave=False, disable=None):
            pixels = []
            for photo in photos[start : start + _BATCH_SIZE]:
                try:
                    pixels.append(read_evaluation_pixels(photo.path, preprocessing))
                    readable.append(photo)
                except RequestError:
                    unreadable.append(photo.path)
            if pixels:
                logits, maps = served(torch.from_numpy(np.stack(pixels)))  # [n, C], [n, F, h, w]
                probabilities.append(softmax(logits.numpy()))
                features.append(maps.mean(dim=(2, 3)).numpy())
    if unreadable:
        logger.warning("left out %d unreadable files, such as %s", len(unreadable), unreadable[0])
    if not readable:
        raise ModelImportError("no photo of the data set (DATA_URL) can be read")
    return Seen(tuple(readable), np.concatenate(probabilities), np.concatenate(features))


def _listing(root: Path) -> dict[str, dict[str, tuple[Path, ...]]]:
    if any((root / split).is_dir() for split in SPLITS):
        return {split: list_classes(root / split) for split in SPLITS}
    return {"train": {}, "val": list_classes(root)}
