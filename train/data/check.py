"""Checks that photos are fit for training, and reports all problems at once."""

from __future__ import annotations

import dataclasses
import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from train.data.class_problems import layout_problems
from train.data.data_set import (
    SPLITS,
    TEST,
    DataSet,
    fingerprint,
    hash_photos,
    to_data_set,
)
from train.data.reading import read_all
from train.data.recognition import read_layout
from train.data.similar import near_duplicates
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from train.data.data_set import Listing
    from train.data.layout import Layout
    from train.data.similar import Look

_GO_ON = "mend or remove them, or go on without them: --skip-unreadable"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examined:
    """Photos that were read.

    Attributes:
        listing: Those that can be.
        hashes: SHA-256 of each.
        looks: What each looks like.
        problems: What keeps them from being a data set, a message each.
    """

    listing: Listing
    hashes: dict[Path, str]
    looks: dict[Path, Look]
    problems: list[str]


def check_data_set(root: Path, *, skip_unreadable: bool = False) -> tuple[DataSet, str]:
    """List a data set and check it; return it with its fingerprint, of `train` and `val`.

    Args:
        root: Its folder.
        skip_unreadable: Leave out the files that cannot be read.

    Raises:
        DataError: With one message for each problem: missing or empty classes, classes that
            differ between the splits, unreadable files, duplicates across splits or classes.
    """
    layout = read_layout(root)
    tell(layout)
    layout.listing = {split: {} for split in SPLITS} | layout.listing
    if not any(layout.listing.values()):
        raise DataError(*layout_problems(layout, SPLITS))

    def shown(path: Path) -> str:
        return str(path.relative_to(root))

    examined = examine(layout, shown, SPLITS, skip_unreadable=skip_unreadable)
    return _finished(root, examined, shown)


def check_photos(root: Path) -> tuple[DataSet, str]:
    """List photos that a model is measured on, and check them; return them with a fingerprint.

    A data set needs neither split for that. A folder of class folders is a test set, of any of the
    model's classes.

    Raises:
        DataError: As `check_data_set`, but for what only a training needs.
    """
    layout = read_layout(root)
    if list(layout.listing) == ["train"] and layout.folders.get("train", root) == layout.root:
        layout.listing = {TEST: layout.listing["train"]}
        layout.folders = {TEST: layout.root}
    if not any(photos for classes in layout.listing.values() for photos in classes.values()):
        raise DataError(
            f"no photos in {root}: expected {root}/<class>/<photo>, or a data set with splits"
        )
    if {*SPLITS} <= layout.listing.keys():
        return check_data_set(root)
    tell(layout)

    def shown(path: Path) -> str:
        return str(path.relative_to(root))

    return _finished(root, examine(layout, shown, (), skip_unreadable=False), shown)


def _finished(root: Path, examined: Examined, shown: Callable[[Path], str]) -> tuple[DataSet, str]:
    problems = [*examined.problems, *_duplicates(examined, shown)]
    if problems:
        raise DataError(*problems)
    listing = examined.listing
    learned = {split: listing[split] for split in SPLITS if split in listing} or listing
    known = {path for classes in learned.values() for paths in classes.values() for path in paths}
    hashes = {path: digest for path, digest in examined.hashes.items() if path in known}
    data_set = dataclasses.replace(
        to_data_set(root, examined.listing), near_duplicates=_count_near_duplicates(examined)
    )
    return data_set, fingerprint(root, hashes)


def tell(layout: Layout, *, always: bool = False) -> None:
    """Log what was left out and what was recognised, unless each folder is named as its split."""
    as_named = all(folder == layout.root / split for split, folder in layout.folders.items())
    for sentence in () if layout.folders and as_named and not always else layout.told:
        logger.info("%s", sentence)
    for sentence in layout.left_out:
        logger.warning("left out %s", sentence)


def examine(
    layout: Layout,
    shown: Callable[[Path], str],
    splits: Sequence[str],
    *,
    skip_unreadable: bool,
) -> Examined:
    """Read all photos of a layout, and collect what is wrong with them.

    Args:
        layout: Its listing is examined.
        shown: How a photo is called in messages.
        splits: Those that must be there.
        skip_unreadable: Leave out what cannot be read, and log it, instead of a problem.
    """
    hashes = hash_photos(layout.listing)
    reading = read_all(hashes)
    unreadable = [f"{shown(path)}: unreadable: {why}" for path, why in reading.problems.items()]
    listing = layout.listing
    if skip_unreadable and unreadable:
        for problem in unreadable:
            logger.warning("left out %s", problem)
        logger.warning("left out %d unreadable files", len(unreadable))
        unreadable = []
        listing = {
            split: {
                name: tuple(path for path in paths if path not in reading.problems)
                for name, paths in classes.items()
            }
            for split, classes in listing.items()
        }
        hashes = {path: hashes[path] for path in reading.looks}
    elif unreadable:
        unreadable.append(f"{len(unreadable)} unreadable files: {_GO_ON}")
    problems = layout_problems(dataclasses.replace(layout, listing=listing), splits)
    return Examined(listing, hashes, reading.looks, [*problems, *unreadable])


def _duplicates(examined: Examined, shown: Callable[[Path], str]) -> Iterator[str]:
    """Report equal files that would make a score meaningless: in two splits, or two classes."""
    places = {
        path: (split, name)
        for split, classes in examined.listing.items()
        for name, paths in classes.items()
        for path in paths
    }
    copies = defaultdict(list)
    for path in places:
        copies[examined.hashes[path]].append(path)
    for paths in copies.values():
        names = ", ".join(shown(path) for path in paths)
        splits = list(dict.fromkeys(places[path][0] for path in paths))
        if len({places[path][1] for path in paths}) > 1:
            yield f"the same photo in two classes: {names}: keep the right one, or none"
        elif len(splits) > 1:
            yield f"the same photo in {' and '.join(splits)}: {names}: keep one of them"


def _count_near_duplicates(examined: Examined) -> Mapping[str, int]:
    """Count the groups, and the photos of each other split that have a likeness in train."""
    split_of = {
        path: split
        for split, classes in examined.listing.items()
        for paths in classes.values()
        for path in paths
    }
    groups = near_duplicates(examined.looks)
    counts = {"groups": len(groups)}
    for split in examined.listing:
        if split != "train":
            counts[split] = sum(
                split_of[path] == split
                for group in groups
                if any(split_of[path] == "train" for path in group)
                for path in group
            )
    return counts
