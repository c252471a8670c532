"""Makes a data set from a source of photos: in a temporary folder first, then in its place."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from train.data.check import examine, tell
from train.data.class_problems import layout_problems
from train.data.converting import convert
from train.data.data_set import SPLITS, TEST
from train.data.recognition import list_photos, read_layout
from train.data.similar import near_duplicates
from train.data.sources import open_source
from train.data.split import find_duplicates, find_twins, split_classes
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from train.data.data_set import Listing
    from train.data.layout import Layout

_VAL_SHARE = 0.1
_ORDER = (*SPLITS, TEST)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wishes:
    """How a data set is made.

    Attributes:
        val_share: Share of each class that goes to validation, 0..1; None for a tenth where the
            source has no validation photos of its own.
        test_share: The same for the test; None for none.
        seed: Of the division.
        name_encoding: Of names in an archive that are not marked as UTF-8; None for UTF-8.
        labels: The table with the classes, or "folders"; see `train.data.recognition`.
        leave_out: Names of folders of the source that are left out.
        skip_unreadable: Leave out files that cannot be read.
        near_duplicates: What becomes of photos that show the same: "group" or "ignore".
    """

    val_share: float | None = None
    test_share: float | None = None
    seed: int = 0
    name_encoding: str | None = None
    labels: str = ""
    leave_out: tuple[str, ...] = ()
    skip_unreadable: bool = False
    near_duplicates: str = "group"


def prepare(source: Path | None, data_root: Path, wishes: Wishes | None = None) -> None:
    """Make a data set of `source`.

    Args:
        source: A folder or archive of photos, in a layout that `train.data.recognition` knows; its
            own division is kept. None downloads tf_flowers.
        data_root: Where the data set is put; it must not hold one yet.
        wishes: How.

    Raises:
        DataError: The source cannot be had, or makes no data set fit for training.
    """
    wishes = wishes or Wishes()
    existing = [split for split in (*SPLITS, TEST) if (data_root / split).exists()]
    if existing:
        raise DataError(
            f"{data_root / existing[0]} exists already: remove it first, or choose another DATA_URL"
        )
    data_root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_root.parent, prefix=".data_set.") as name:
        work = Path(name)
        root = open_source(source, work, name_encoding=wishes.name_encoding)
        built = work / "built"

        def named(text: object) -> str:
            # An archive's photos are where nobody will find them: its own name says more.
            return str(text).replace(str(work / "unpacked"), str(source))

        try:
            layout = read_layout(root, leave_out=wishes.leave_out, labels=wishes.labels)
            layout.told, layout.left_out = (
                [named(text) for text in texts] for texts in (layout.told, layout.left_out)
            )
            tell(layout, always=True)
            originals = _convert(layout, work / "converted", named)
            splits = _divide(layout, root, wishes, originals, named)
            _copy(layout, splits, built, originals)
        except DataError as error:
            raise DataError(*map(named, error.problems)) from None
        _move(built, data_root)
    _report(data_root)


def _divide(
    layout: Layout,
    root: Path,
    wishes: Wishes,
    originals: Mapping[Path, Path],
    named: Callable[[object], str],
) -> Listing:
    """List what goes where, without duplicates; the division of the source is kept, if any."""
    if not any(layout.listing.get("train", {}).values()):
        raise DataError(
            f"{root}: no class folders with photos in it; expected <class>/<photo>, or photos and "
            "a table with the columns image and label (CSV or JSON lines)"
        )

    def shown(path: Path) -> str:
        return str(originals.get(path, path).relative_to(root))

    shares = _shares(layout.listing, root, wishes)
    examined = examine(layout, named, (), skip_unreadable=wishes.skip_unreadable)
    if examined.problems:
        raise DataError(*examined.problems)
    splits = _without(examined.listing, find_duplicates(examined.listing, examined.hashes), shown)
    left = {path for classes in splits.values() for paths in classes.values() for path in paths}
    groups = []
    if wishes.near_duplicates == "group":
        groups = near_duplicates(
            {path: look for path, look in examined.looks.items() if path in left}
        )
        if groups:
            logger.info(
                "%d photos show the same as others, in %d groups, none of which is divided",
                *(sum(map(len, groups)), len(groups)),
            )
        splits = _without(splits, find_twins(splits, groups), shown)
    divided = split_classes(
        splits.pop("train"), examined.hashes, shares=shares, seed=wishes.seed, groups=groups
    )
    divided = {split: {**divided.get(split, {}), **splits.get(split, {})} for split in _ORDER}
    problems = list(layout_problems(dataclasses.replace(layout, listing=divided), SPLITS))
    if problems:
        raise DataError(*problems)
    return divided


def _shares(listing: Listing, root: Path, wishes: Wishes) -> dict[str, float]:
    """Return which splits are taken from the training photos, and how large they are."""
    shares = {}
    for split, wish, usual in (
        ("val", wishes.val_share, _VAL_SHARE),
        ("test", wishes.test_share, 0.0),
    ):
        if listing.get(split):
            if wish is not None:
                raise DataError(
                    f"{root}: has {split} photos already, which --{split}_share cannot change: "
                    f"leave out that option, or that folder (--leave_out)"
                )
        elif share := usual if wish is None else wish:
            shares[split] = share
    return shares


def _without(splits: Listing, dropped: Mapping[Path, str], shown: Callable[[Path], str]) -> Listing:
    for path, reason in sorted(dropped.items()):
        logger.warning("left out %s: %s", shown(path), reason)
    return {
        split: {
            name: tuple(path for path in photos if path not in dropped)
            for name, photos in classes.items()
        }
        for split, classes in splits.items()
    }


def _convert(layout: Layout, folder: Path, named: Callable[[object], str]) -> dict[Path, Path]:
    """Convert what the handler does not accept; return the original of each converted photo."""
    classes = [paths for each in layout.listing.values() for paths in each.values()]
    converted = convert((path for paths in classes for path in paths), folder, named)
    layout.listing = {
        split: {
            name: tuple(converted.get(path, path) for path in paths) for name, paths in each.items()
        }
        for split, each in layout.listing.items()
    }
    return {new: old for old, new in converted.items()}


def _copy(layout: Layout, splits: Listing, built: Path, originals: Mapping[Path, Path]) -> None:
    own = {
        path: layout.folders[split] / name
        for split, classes in layout.listing.items()
        for name, photos in classes.items()
        for path in photos
        if split in layout.folders
    }
    for split, classes in splits.items():
        for name, photos in classes.items():
            for path in photos:
                place = originals.get(path, path)
                target = built / split / name / place.relative_to(own.get(path, layout.root))
                target = target.with_name(path.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    for notice in layout.root.glob("LICENSE*"):  # who took the photos must stay known
        shutil.copyfile(notice, built / notice.name)


def _move(built: Path, data_root: Path) -> None:
    data_root.mkdir(exist_ok=True)  # it may hold ImageNet weights already
    for path in sorted(built.iterdir()):
        path.rename(data_root / path.name)


def _report(data_root: Path) -> None:
    for split, classes in list_photos(data_root).items():
        each = ", ".join(f"{name} {len(photos)}" for name, photos in classes.items())
        total = sum(map(len, classes.values()))
        logger.info("%s: %d photos (%s)", data_root / split, total, each)
