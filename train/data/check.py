"""Checks that a data set is fit for training, and reports all problems at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from classifier.errors import RequestError
from train.data.data_set import (
    DataSet,
    fingerprint,
    hash_photos,
    list_photos,
    read_image,
    to_data_set,
)
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from train.data.data_set import Listing

_MIN_CLASSES = 2
_LAYOUT = "expected {root}/{{train,val}}/<class>/<photo>; `make data SOURCE=folder` makes that"


def check_data_set(root: Path) -> tuple[DataSet, str]:
    """List a data set and check it; return it with its fingerprint.

    Raises:
        DataError: With one message for each problem: missing or empty classes, classes that
            differ between the splits, unreadable files, duplicates across splits or classes.
    """
    listing = list_photos(root)
    layout_problems = list(_layout_problems(root, listing))
    if not any(listing.values()):
        raise DataError(*layout_problems)
    hashes = hash_photos(listing)
    problems = [
        *layout_problems,
        *_unreadable(root, hashes),
        *_duplicates(root, hashes),
    ]
    if problems:
        raise DataError(*problems)
    return to_data_set(root, listing), fingerprint(root, hashes)


def _layout_problems(root: Path, listing: Listing) -> Iterator[str]:
    for split, classes in listing.items():
        if not classes:
            yield f"no classes in {root / split}: {_LAYOUT.format(root=root)}"
        for name, photos in classes.items():
            if not photos:
                yield f"no photos in {root / split / name}: add some, or remove the folder"
    train, val = listing["train"], listing["val"]
    if len(train) == 1:
        yield f"one class only in {root / 'train'}: a classifier needs at least {_MIN_CLASSES}"
    if train and val:
        for name in sorted(train.keys() - val.keys()):
            yield f"class {name} is in train but not in val: add photos to {root / 'val' / name}"
        for name in sorted(val.keys() - train.keys()):
            yield f"class {name} is in val but not in train: add photos to {root / 'train' / name}"


def _unreadable(root: Path, hashes: Mapping[Path, str]) -> Iterator[str]:
    for path in hashes:
        try:
            read_image(path)
        except RequestError as error:
            yield f"{path.relative_to(root)}: unreadable: {error}"


def _duplicates(root: Path, hashes: Mapping[Path, str]) -> Iterator[str]:
    """Report equal files that would make a score meaningless: in two splits, or two classes."""
    copies = defaultdict(list)
    for path, digest in hashes.items():
        copies[digest].append(path.relative_to(root))
    for paths in copies.values():
        places = [path.parts[:2] for path in paths]
        names = ", ".join(map(str, paths))
        if len({name for _, name in places}) > 1:
            yield f"the same photo in two classes: {names}: keep the right one, or none"
        elif len({split for split, _ in places}) > 1:
            yield f"the same photo in train and val: {names}: keep one of them"
