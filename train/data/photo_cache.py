"""Decoded photos on disk, so that each is decoded once rather than in every epoch.

    $XDG_CACHE_HOME/marigold/photos/<data set's place>/<what is kept>-<fingerprint>/
        pixels.bin    uint8 RGB of all photos, one after the other
        sizes.npy     int64 [N, 2], height and width of each

A folder is built aside and renamed, so that there is a whole one or none. The fingerprint is that
of the photos: when they change, they are decoded again, and the older folder is removed unless a
living process uses it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from classifier.cores import usable_cores
from storage.cache import cache_root
from storage.files import atomic_folder
from storage.locks import hold, locked, remove_unused
from train.data.data_set import read_evaluation_pixels, read_shrunk
from train.data.decoded_photos import DecodedPhotos
from train.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from classifier.description import Preprocessing
    from classifier.images import Pixels
    from train.data.data_set import DataSet, Photo

_PIXELS, _SIZES = "pixels.bin", "sizes.npy"
logger = logging.getLogger(__name__)


def with_decoded_photos(
    data_set: DataSet, data_fingerprint: str, side: int, preprocessing: Preprocessing
) -> DataSet:
    """Return the data set with its photos decoded, now or by an earlier training.

    Args:
        data_set: The photos.
        data_fingerprint: Their fingerprint.
        side: Training photos are shrunk to this short side, in pixels, where theirs is longer.
        preprocessing: Validation photos are kept exactly as the handler sees them.

    Raises:
        CacheError: They cannot be written.
    """
    place = hashlib.sha256(str(data_set.root.resolve()).encode()).hexdigest()[:12]
    root = cache_root() / "photos" / place
    train = _decoded(
        data_set.train,
        lambda path: np.asarray(read_shrunk(path, side)),
        folder=root / f"train-{side}-{data_fingerprint[:16]}",
    )
    val = _decoded(
        data_set.val,
        lambda path: read_evaluation_pixels(path, preprocessing),
        folder=root / f"val-{_key(preprocessing)}-{data_fingerprint[:16]}",
    )
    return dataclasses.replace(data_set, decoded_train=train, decoded_val=val)


def _key(preprocessing: Preprocessing) -> str:
    """Return what decides the pixels, in a form that a folder's name can hold."""
    square = "x" if preprocessing.squash else ""
    return f"{preprocessing.resize}{square}-{preprocessing.crop}-{preprocessing.interpolation}"


def _decoded(
    photos: Sequence[Photo], read: Callable[[Path], Pixels], *, folder: Path
) -> DecodedPhotos:
    try:
        with locked(folder.parent):  # others on this machine wait for what one decodes
            if not folder.is_dir():
                _build(photos, read, folder)
            hold(folder)
            kind = folder.name.rpartition("-")[0]
            remove_unused(path for path in folder.parent.glob(f"{kind}-*") if path != folder)
        sizes = np.load(folder / _SIZES)
    except OSError as error:
        raise CacheError(
            f"{folder}: cannot keep decoded photos there ({error.strerror}); make room, set "
            "XDG_CACHE_HOME to a folder on a larger disk, or train with --set cached_side=0"
        ) from error
    return DecodedPhotos(folder / _PIXELS, sizes, np.cumsum(3 * sizes.prod(axis=1)))


def _build(photos: Sequence[Photo], read: Callable[[Path], Pixels], folder: Path) -> None:
    sizes = []
    with (
        atomic_folder(folder, durable=False) as building,
        (building / _PIXELS).open("wb") as file,
        ThreadPoolExecutor(usable_cores()) as threads,  # Pillow decodes without Python's lock
    ):
        decoded = threads.map(read, (photo.path for photo in photos))
        for pixels in tqdm(decoded, "decoding", total=len(photos), leave=False, disable=None):
            file.write(pixels.tobytes())
            sizes.append(pixels.shape[:2])
        np.save(building / _SIZES, np.array(sizes, dtype=np.int64))
    logger.info("decoded %d photos into %s", len(photos), folder)
