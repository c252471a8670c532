"""Reads every photo once: which cannot be read, and what the others look like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tqdm import tqdm

from classifier.cores import usable_cores
from classifier.errors import RequestError, TooLarge, UnsupportedFormat
from classifier.images import to_rgb, upright
from train.data.data_set import read_image
from train.data.similar import Look, look_at

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


@dataclass(frozen=True)
class Reading:
    """What became of the photos.

    Attributes:
        looks: Of those that can be read.
        problems: Of the others: what is wrong, and what to do about it.
    """

    looks: dict[Path, Look]
    problems: dict[Path, str]


def read_all(paths: Collection[Path]) -> Reading:
    """Read photos, on all cores."""
    with ThreadPoolExecutor(usable_cores()) as threads:  # Pillow decodes without Python's lock
        seen = threads.map(_look, paths)
        results = list(tqdm(seen, "reading", total=len(paths), leave=False, disable=None))
    read = dict(zip(paths, results, strict=True))
    return Reading(
        looks={path: result for path, result in read.items() if isinstance(result, Look)},
        problems={path: result for path, result in read.items() if isinstance(result, str)},
    )


def _look(path: Path) -> Look | str:
    try:
        image = read_image(path)
        return look_at(to_rgb(upright(image, image)))
    except RequestError as error:
        return f"{error.found}: {_remedy(error)}"
    except OSError as error:
        return f"cannot be read ({error.strerror or error}): check its permissions and the disk"


def _remedy(error: RequestError) -> str:
    """Return what to do about a file; the error's own remedy is for who sends one."""
    match error:
        case UnsupportedFormat():
            return "convert it to JPEG or PNG, or remove it"
        case TooLarge():
            return "make it smaller, or remove it"
        case _:
            return "copy it again from where it came, or remove it"
