"""Measures an archive's accuracy by class name, with requests like TorchServe's.

Whether a form of the network is exact enough is checked by `archive.gate`, before the archive is
packed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from archive.errors import VerifyError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_PHOTOS = 500  # evenly spread; more no longer change the result
_ENOUGH = 10  # with that many photos of several classes, one answer for all is no accident


class LabelledFile(NamedTuple):
    """A photo and the name of its class."""

    path: Path
    class_name: str


@dataclass(frozen=True)
class Measured:
    """The result on photos.

    Attributes:
        accuracy: Share of photos classified correctly, 0..1.
        photos: Number of classified photos.
    """

    accuracy: float
    photos: int


def list_val(data_root: Path, most: int = MOST_PHOTOS) -> list[LabelledFile]:
    """List validation photos, `val/<class>/<photo>`, evenly spread over the classes."""
    photos = [
        LabelledFile(path, folder.name)
        for folder in sorted((data_root / "val").glob("*"))
        if folder.is_dir() and not folder.name.startswith(".")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]
    return photos[:: max(1, -(-len(photos) // most))]


def measure(mar: Path, photos: Sequence[LabelledFile], answers: Sequence[str | None]) -> Measured:
    """Compare the best class of each photo (None if it was refused) with its actual class.

    Raises:
        VerifyError: No photo was accepted, or all got the same class.
    """
    answered = [
        (photo.class_name, answer)
        for photo, answer in zip(photos, answers, strict=True)
        if answer is not None
    ]
    if not answered:
        raise VerifyError(f"{mar}: refuses all {len(photos)} photos, such as {photos[0].path}")
    given, classes = {answer for _, answer in answered}, {name for name, _ in answered}
    if len(given) == 1 < len(classes) and len(answered) >= _ENOUGH:
        raise VerifyError(
            f"{mar}: gives {given.pop()!r} to all {len(answered)} photos of {len(classes)} "
            "classes: check the weights and the preprocessing, or verify without photos "
            "(DATA_URL=none)"
        )
    right = sum(name == answer for name, answer in answered)
    return Measured(right / len(answered), len(answered))
