"""Splits the photos of a source into training and validation, and drops duplicates.

Pure functions of the photos' contents: the same photos are split the same way on every machine,
whatever their names.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Classes = dict[str, tuple["Path", ...]]  # class name to its photos


def split_classes(
    classes: Classes, hashes: Mapping[Path, str], *, val_share: float, seed: int
) -> dict[str, Classes]:
    """Divide each class into "train" and "val"; every class has photos in both.

    Args:
        classes: Free of duplicates.
        hashes: SHA-256 of each photo's contents; they decide, together with `seed`.
        val_share: Share of each class that goes to validation, 0..1.
        seed: Different seeds give different splits.

    Raises:
        DataError: A class has fewer than two photos.
    """
    too_small = [
        f"class {name} has {len(photos)} photo(s) once duplicates are gone: at least 2 are needed"
        for name, photos in classes.items()
        if len(photos) < 2  # noqa: PLR2004 - one for each split
    ]
    if too_small:
        raise DataError(*too_small)

    def place(path: Path) -> str:
        return hashlib.sha256(f"{seed} {hashes[path]}".encode()).hexdigest()

    splits: dict[str, Classes] = {"train": {}, "val": {}}
    for name, photos in classes.items():
        shuffled = sorted(photos, key=place)
        count = min(max(round(val_share * len(photos)), 1), len(photos) - 1)
        splits["val"][name] = tuple(sorted(shuffled[:count]))
        splits["train"][name] = tuple(sorted(shuffled[count:]))
    return splits


def find_duplicates(splits: Mapping[str, Classes], hashes: Mapping[Path, str]) -> dict[Path, str]:
    """Choose which byte-identical copies to leave out; the file to the reason.

    In two classes: all copies, as nobody knows which label is right.
    In two splits: those in train, so that the validation photos stay what they were.
    In one folder: all but the first by name.
    """
    copies = defaultdict(list)
    for split in sorted(splits, reverse=True):  # "val" before "train": the first copy is kept
        for name, photos in splits[split].items():
            for path in photos:
                copies[hashes[path]].append((name, split, path))
    reasons: dict[Path, str] = {}
    for group in copies.values():
        names = sorted({name for name, _, _ in group})
        if len(names) > 1:
            reasons |= {path: f"in two classes: {', '.join(names)}" for _, _, path in group}
        else:
            kept = group[0][2]
            reasons |= {path: f"same as {kept.name}, which is kept" for _, _, path in group[1:]}
    return reasons
