"""Photos for calibration and for the accuracy gate, as the network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archive.errors import BuildError
from classifier.labels import positions
from storage import fetch, is_remote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.description import Preprocessing
    from classifier.images import Pixels
    from train.data.data_set import Photo

CALIBRATION_PHOTOS = 300  # more no longer change the activation ranges

# The default of DATA_URL, and its value for "no photos".
_DEFAULT_URL, _NO_PHOTOS = "data_set", "none"


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos [H, W, 3] in uint8 RGB, and each one's class index in the model."""

    pixels: list[Pixels]
    labels: NDArray[np.int64]


def fetch_photos(data_url: str | None) -> Path | None:
    """Return the folder of a data set; None for "none", and if the default one is missing.

    Raises:
        BuildError: There is no such folder, and it is not the default one.
        storage.StorageError: It is in a bucket, and cannot be copied.
    """
    if not data_url or data_url == _NO_PHOTOS:
        return None
    folder = fetch(data_url)
    if is_remote(data_url) or folder.is_dir():
        return folder
    if data_url == _DEFAULT_URL:
        return None
    raise BuildError(
        f"DATA_URL={data_url}: there is no such folder; name one with photos, or DATA_URL=none"
    )


class PhotosOfModel(NamedTuple):
    """What a form is made and measured with.

    Attributes:
        calibration: Training photos, evenly spread, to calibrate with.
        train: As many others to measure on; the same where there are no others.
        val: All validation photos.
    """

    calibration: LabelledPhotos
    train: LabelledPhotos
    val: LabelledPhotos


def read_photos(
    data_url: Path, class_names: Sequence[str], preprocessing: Preprocessing
) -> PhotosOfModel:
    """Read the photos of a data set that a form is made and measured with.

    Raises:
        BuildError: The data set's classes are not the model's.
    """
    from train.data.data_set import SPLITS, to_data_set  # noqa: PLC0415  imports PyTorch
    from train.data.recognition import list_photos  # noqa: PLC0415

    listing = list_photos(data_url)
    # By name: the model's class order may differ.
    if any(sorted(listing[split]) != sorted(class_names) for split in SPLITS):
        raise BuildError(
            f"{data_url}: its classes are not the model's ({', '.join(class_names)}); name the "
            "data set that the model was trained on with DATA_URL"
        )
    data_set = to_data_set(data_url, {split: listing[split] for split in SPLITS})
    order = positions(class_names, data_set.class_names)
    step = max(1, len(data_set.train) // CALIBRATION_PHOTOS)
    calibration = _read(data_set.train[::step], order, preprocessing)
    others = data_set.train[step // 2 :: step] if step > 1 else ()
    return PhotosOfModel(
        calibration,
        _read(others, order, preprocessing) if others else calibration,
        _read(data_set.val, order, preprocessing),
    )


def _read(
    photos: Sequence[Photo], order: Sequence[int], preprocessing: Preprocessing
) -> LabelledPhotos:
    from train.data.data_set import EvaluationPhotos  # noqa: PLC0415  imports PyTorch

    items = EvaluationPhotos(photos, preprocessing)
    pairs = [items[index] for index in range(len(items))]
    labels = np.array([order[label] for _, label in pairs], dtype=np.int64)
    return LabelledPhotos([pixels.numpy() for pixels, _ in pairs], labels)
