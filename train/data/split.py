"""Splits the photos of a source into training, validation and test, and drops duplicates.

Pure functions of the photos' contents: the same photos are split the same way on every machine,
whatever their names.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Unit = tuple["Path", ...]  # photos that show the same, which stay together; most often one
Classes = dict[str, tuple["Path", ...]]  # class name to its photos


def split_classes(
    classes: Classes,
    hashes: Mapping[Path, str],
    *,
    shares: Mapping[str, float],
    seed: int,
    groups: Sequence[Sequence[Path]] = (),
) -> dict[str, Classes]:
    """Divide each class into "train" and others; every class has photos in each of them.

    Args:
        classes: Free of duplicates.
        hashes: SHA-256 of each photo's contents; they decide, together with `seed`.
        shares: Share of each class, 0..1, that goes to a split such as "val"; "train" gets the
            rest.
        seed: Different seeds give different splits.
        groups: Photos that show the same, and are never divided; those of a group that is in
            several classes all go to "train".

    Raises:
        DataError: A class has fewer photos that show different things than there are splits.
    """
    group_of = {path: tuple(group) for group in groups for path in group}
    class_of = {path: name for name, photos in classes.items() for path in photos}

    def place(group: Sequence[Path]) -> str:
        return min(hashlib.sha256(f"{seed} {hashes[path]}".encode()).hexdigest() for path in group)

    splits: dict[str, Classes] = {"train": {}, **{split: {} for split in shares}}
    problems = []
    for name, photos in classes.items():
        units = sorted({group_of.get(path, (path,)) for path in photos}, key=place)
        own = [unit for unit in units if {class_of.get(path) for path in unit} == {name}]
        shared = [
            path for path in photos if {class_of.get(p) for p in group_of.get(path, ())} > {name}
        ]
        if len(own) + bool(shared) <= len(shares):
            what = "photo(s) that show different things" if len(units) < len(photos) else "photo(s)"
            problems.append(
                f"class {name} has {len(units)} {what} once duplicates are gone: "
                f"at least {len(shares) + 1} are needed"
            )
            continue
        rest = own
        for index, (split, share) in enumerate(shares.items(), start=1):
            # Of what is left, the splits that follow need something too, and train does.
            spare = len(shares) - index + (not shared)
            chosen, rest = _take(rest, max(round(share * len(photos)), 1), spare)
            splits[split][name] = _flat(chosen)
        splits["train"][name] = tuple(sorted([*shared, *_flat(rest)]))
    if problems:
        raise DataError(*problems)
    return splits


def _take(units: list[Unit], wanted: int, spare: int) -> tuple[list[Unit], list[Unit]]:
    """Take units in their order, up to `wanted` photos but one unit at least; return the rest too.

    Units that are too large are passed over: a burst would fill a small share with one scene.
    """
    most = len(units) - spare
    chosen: list[Unit] = []
    count = 0
    for unit in units:
        if len(chosen) < most and count + len(unit) <= wanted:
            chosen.append(unit)
            count += len(unit)
    chosen = chosen or [min(units, key=len)]
    taken = set(chosen)
    return chosen, [unit for unit in units if unit not in taken]


def _flat(units: Iterable[Unit]) -> tuple[Path, ...]:
    return tuple(sorted(path for unit in units for path in unit))


def find_duplicates(splits: Mapping[str, Classes], hashes: Mapping[Path, str]) -> dict[Path, str]:
    """Choose which byte-identical copies to leave out; the file to the reason.

    In two classes: all copies, as nobody knows which label is right.
    In two splits: those in train, so that the photos that others are measured on stay what they
    were; in val and test those in val.
    In one folder: all but the first by name.
    """
    copies = defaultdict(list)
    for split in sorted(splits, key=_KEPT_FIRST.index):
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


_KEPT_FIRST = ("test", "val", "train")


def find_twins(splits: Mapping[str, Classes], groups: Iterable[Sequence[Path]]) -> dict[Path, str]:
    """Choose which near-duplicates across the splits of a source to leave out; to the reason.

    Those in train go, where others show the same; then those in val, where a test photo does.
    """
    split_of = {
        path: split
        for split, classes in splits.items()
        for photos in classes.values()
        for path in photos
    }
    reasons = {}
    for group in groups:
        present = [path for path in group if path in split_of]
        kept = min((split_of[path] for path in present), key=_KEPT_FIRST.index, default="train")
        example = next((path for path in present if split_of[path] == kept), None)
        for path in present:
            if split_of[path] != kept and example:
                reasons[path] = f"shows the same as {example.name} in {kept}, which is kept"
    return reasons
