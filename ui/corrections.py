"""Photos that people corrected, as a folder of class folders: what `make data` and a training take.

Names hold a part of the photo's hash, so that photos of one name do not replace each other, and one
that is saved again with another class moves there.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from ui.folders import shown_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ui.asking import Outcome

_DIGITS = 8
_ODD = re.compile(r"[^\w.() -]")


@dataclass(frozen=True)
class Kept:
    """What was saved: where, and how many photos of each class."""

    folder: Path
    classes: Mapping[str, int]


def keep_corrected(outcomes: Sequence[Outcome], marks: Mapping[int, str], folder: Path) -> Kept:
    """Copy the marked photos to ``<folder>/<class>/``.

    Args:
        outcomes: The photos, with their answers.
        marks: The right class of those that were answered wrong, by their place in `outcomes`.
        folder: Where to.

    Raises:
        OSError: A photo cannot be copied.
        ValueError: A class is no name of a folder.
    """
    for index, label in marks.items():
        if label in {"", ".", ".."} or "/" in label or "\0" in label:
            raise ValueError(f"{label!r} is no name of a folder")
        source = outcomes[index].path
        digest = hashlib.sha256(source.read_bytes()).hexdigest()[:_DIGITS]
        own = PurePath(shown_name(source))
        name = f"{_ODD.sub('_', own.stem)}-{digest}{own.suffix}"
        for former in folder.glob(f"*/*-{digest}{source.suffix}"):
            former.unlink()
        (folder / label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / label / name)
    return Kept(folder, Counter(marks.values()))
