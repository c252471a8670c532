"""The data set on disk, `DATA_URL/{train,val,test}/<class>/<photo>`, and how photos are read.

Two views of the same photos stand side by side: `EvaluationPhotos` are what the handler would
see, bit for bit; `TrainingPhotos` are randomly transformed.
`train.data.check` checks that the data set is fit for training.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from PIL.Image import Resampling, fromarray
from torch import Tensor
from torch.utils.data import Dataset

from classifier.description import sha256_of_file
from classifier.images import as_srgb, decode, read_pixels, upright
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from PIL import Image

    from classifier.description import Preprocessing
    from classifier.images import Pixels
    from train.data.decoded_photos import DecodedPhotos

SPLITS = ("train", "val")
TEST = "test"  # a third one, which a data set may have
# Far above any photo; the handler's own limits are a server's setting.
MAX_BYTES = 256 * 2**20
MAX_PIXELS = 400_000_000
_LISTED = 10  # of the names in a message

Listing = dict[str, dict[str, tuple["Path", ...]]]  # split to class name to its photos, sorted


class Photo(NamedTuple):
    """A file and the index of its class."""

    path: Path
    label: int


@dataclass(frozen=True)
class DataSet:
    """A listed data set; the order of the photos is the same on every machine.

    Attributes:
        root: Its folder.
        class_names: In the order of the labels.
        train: The training photos.
        val: The validation photos, which choose the best epoch.
        test: The test photos, which choose nothing; there may be none.
        decoded_train: Those of `train`, where they were decoded before.
        decoded_val: Those of `val`, as the handler sees them, where they were decoded before.
        near_duplicates: How many "groups" of photos show the same, and how many photos of "val" and
            "test" show the same as one in `train`.
    """

    root: Path
    class_names: tuple[str, ...]
    train: tuple[Photo, ...]
    val: tuple[Photo, ...]
    decoded_train: DecodedPhotos | None = None
    decoded_val: DecodedPhotos | None = None
    test: tuple[Photo, ...] = ()
    near_duplicates: Mapping[str, int] = dataclasses.field(default_factory=dict)


def to_data_set(root: Path, listing: Listing) -> DataSet:
    """Number the classes by name; `listing` has passed `train.data.check`."""
    class_names = tuple(sorted({name for classes in listing.values() for name in classes}))
    train, val, test = (
        tuple(
            Photo(path, label)
            for label, name in enumerate(class_names)
            for path in listing.get(split, {}).get(name, ())
        )
        for split in (*SPLITS, TEST)
    )
    return DataSet(root, class_names, train, val, test=test)


def labelled_as(data_set: DataSet, class_names: Sequence[str]) -> DataSet:
    """Number the classes as a model does that may know others besides; they are matched by name.

    Raises:
        DataError: The model does not know a class.
    """
    unknown = [name for name in data_set.class_names if name not in class_names]
    if unknown:
        raise DataError(
            f"{data_set.root}: the model does not know {listed(unknown)}, it knows "
            f"{listed(class_names)}: leave those folders out, or name them as the model does"
        )
    labels = [class_names.index(name) for name in data_set.class_names]
    train, val, test = (
        tuple(Photo(photo.path, labels[photo.label]) for photo in photos)
        for photos in (data_set.train, data_set.val, data_set.test)
    )
    return dataclasses.replace(
        data_set, class_names=tuple(class_names), train=train, val=val, test=test
    )


def listed(names: Sequence[str]) -> str:
    """List names in a sentence, the first ones of many."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def hash_photos(listing: Listing) -> dict[Path, str]:
    """Compute the SHA-256 of every file."""
    files = (path for classes in listing.values() for paths in classes.values() for path in paths)
    return {path: sha256_of_file(path) for path in files}


def fingerprint(root: Path, hashes: Mapping[Path, str]) -> str:
    """Condense names (relative to `root`) and contents of all photos to one SHA-256."""
    total = hashlib.sha256()
    for path in sorted(hashes):
        total.update(f"{path.relative_to(root).as_posix()}\0{hashes[path]}\n".encode())
    return total.hexdigest()


def read_image(path: Path) -> Image.Image:
    """Decode a photo at its full size.

    Raises:
        classifier.errors.RequestError: It is no image that the handler would accept.
    """
    return decode(path.read_bytes(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)


def read_rgb(path: Path) -> Image.Image:
    """Decode a photo at its full size, upright, in sRGB; raises as `read_image`."""
    image = read_image(path)
    return as_srgb(upright(image, image))


def read_shrunk(path: Path, side: int) -> Image.Image:
    """Decode a photo, shrunk to a short side of `side` pixels if its own is longer."""
    image = read_rgb(path)
    short = min(image.size)
    if short <= side:
        return image
    width, height = (round(length * side / short) for length in image.size)
    return image.resize((width, height), Resampling.BILINEAR)


def read_evaluation_pixels(path: Path, preprocessing: Preprocessing) -> Pixels:
    """Read a photo as the handler sees it, bit for bit: uint8 RGB [crop, crop, 3].

    Raises:
        classifier.errors.RequestError: It is no image that the handler would accept.
    """
    return read_pixels(path.read_bytes(), preprocessing, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)


class EvaluationPhotos(Dataset[tuple[Tensor, int]]):
    """Photos as the handler sees them: uint8 RGB [crop, crop, 3], and the label."""

    def __init__(
        self,
        photos: Sequence[Photo],
        preprocessing: Preprocessing,
        decoded: DecodedPhotos | None = None,
    ) -> None:
        self._photos = photos
        self._preprocessing = preprocessing
        self._decoded = decoded

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self._photos[index]
        if self._decoded is None:
            pixels = read_evaluation_pixels(path, self._preprocessing)
        else:
            pixels = self._decoded[index]
        return torch.from_numpy(np.array(pixels)), label


class Draw(NamedTuple):
    """A photo of a batch.

    Attributes:
        epoch: The epoch of the training, from 0.
        photo: Index of the photo.
        crop: Side of the crop in pixels.
        again: How often the photo was drawn before in the epoch; it looks otherwise each time.
    """

    epoch: int
    photo: int
    crop: int
    again: int = 0


class TrainingPhotos(Dataset[tuple[Tensor, int]]):
    """Randomly transformed photos by their draw: float32 [3, crop, crop], and the label.

    What chance does to a photo depends on the seed, the epoch, the photo's index and how often it
    was drawn in the epoch, so neither the number of workers nor an interruption changes a training.

    Args:
        photos: All that may be drawn.
        transform_to: Builds the transform to crops of a size in pixels.
        seed: Of everything random.
        decoded: The photos, already decoded.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        transform_to: Callable[[int], Callable[[Image.Image], Tensor]],
        *,
        seed: int,
        decoded: DecodedPhotos | None = None,
    ) -> None:
        self._photos = photos
        self._decoded = decoded
        self._transform_to = functools.cache(transform_to)
        self._seed = seed

    def __len__(self) -> int:
        return len(self._photos)

    def __getitem__(self, draw: Draw) -> tuple[Tensor, int]:
        path, label = self._photos[draw.photo]
        image = read_rgb(path) if self._decoded is None else fromarray(self._decoded[draw.photo])
        again = (draw.again,) if draw.again else ()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix_seeds(self._seed, draw.epoch, draw.photo, *again))
            return self._transform_to(draw.crop)(image), label


def mix_seeds(*words: int) -> int:
    """Mix whole numbers to one seed, such that neighbours give unrelated random numbers."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))
