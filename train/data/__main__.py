"""`python -m train.data`: fills `DATA_URL/{train,val}/<class>/` from a source of photos.

The data set is built in a temporary folder, checked, and only then moved to its place.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from console.arguments import fraction
from train.cli import add_urls, run_command
from train.data.check import check_data_set
from train.data.data_set import SPLITS, hash_photos, list_classes, list_photos
from train.data.sources import open_source
from train.data.split import find_duplicates, split_classes
from train.errors import DataError
from train.urls import local_path, output

if TYPE_CHECKING:
    from train.data.data_set import Listing

logger = logging.getLogger(__name__)


def prepare(
    source: Path | None,
    data_root: Path,
    *,
    val_share: float = 0.1,
    seed: int = 0,
    name_encoding: str | None = None,
) -> None:
    """Make a data set of `source`.

    Args:
        source: A folder or archive of class folders, or of `train` and `val` with class folders,
            whose division is then kept; None downloads tf_flowers.
        data_root: Where the data set is put; it must not hold one yet.
        val_share: Share of each class that goes to validation, 0..1.
        seed: Of the division.
        name_encoding: Of names in an archive that are not marked as UTF-8; None for UTF-8.

    Raises:
        DataError: The source cannot be had, or makes no data set fit for training.
    """
    existing = [split for split in SPLITS if (data_root / split).exists()]
    if existing:
        raise DataError(
            f"{data_root / existing[0]} exists already: remove it first, or choose another DATA_URL"
        )
    data_root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_root.parent, prefix=".data_set.") as name:
        work = Path(name)
        root = open_source(source, work, name_encoding=name_encoding)
        built = work / "built"
        _copy(root, _divide(root, val_share, seed), built)
        _check(built, root)
        _move(built, data_root)
    _report(data_root)


def _divide(root: Path, val_share: float, seed: int) -> Listing:
    """List what goes where, without duplicates; the division of the source is kept, if any."""
    splits = list_photos(root)
    if not splits["train"]:
        splits = {"train": list_classes(root)}
    if not any(splits["train"].values()):
        raise DataError(f"{root}: no class folders with photos in it; expected <class>/<photo>")
    hashes = hash_photos(splits)
    dropped = find_duplicates(splits, hashes)
    for path, reason in sorted(dropped.items()):
        logger.warning("left out %s: %s", path.relative_to(root), reason)
    kept = {
        split: {
            name: tuple(path for path in photos if path not in dropped)
            for name, photos in classes.items()
        }
        for split, classes in splits.items()
    }
    if kept.get("val"):
        return kept
    return split_classes(kept["train"], hashes, val_share=val_share, seed=seed)


def _copy(root: Path, splits: Listing, built: Path) -> None:
    for split, classes in splits.items():
        for name, photos in classes.items():
            folder = _class_folder(root, split, name)
            for path in photos:
                target = built / split / name / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    for notice in root.glob("LICENSE*"):  # who took the photos must stay known
        shutil.copyfile(notice, built / notice.name)


def _class_folder(root: Path, split: str, name: str) -> Path:
    for folder in (root / split / name, root / "train" / name):
        if folder.is_dir():
            return folder
    return root / name


def _check(built: Path, root: Path) -> None:
    """Check what was built, and tell its problems in terms of the source, which has to change."""
    try:
        check_data_set(built)
    except DataError as error:
        raise DataError(*(text.replace(str(built), str(root)) for text in error.problems)) from None


def _move(built: Path, data_root: Path) -> None:
    data_root.mkdir(exist_ok=True)  # it may hold ImageNet weights already
    for path in sorted(built.iterdir()):
        path.rename(data_root / path.name)


def _report(data_root: Path) -> None:
    for split, classes in list_photos(data_root).items():
        each = ", ".join(f"{name} {len(photos)}" for name, photos in classes.items())
        total = sum(map(len, classes.values()))
        logger.info("%s: %d photos (%s)", data_root / split, total, each)


def main(arguments: list[str] | None = None) -> int:
    """Prepare a data set; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.data", description="Make a data set.", allow_abbrev=False
    )
    add_urls(parser, "data_url")
    parser.add_argument(
        "--source",
        default="",
        help="folder, tarball or zip file of class folders, local or in a bucket "
        "(default: download tf_flowers)",
    )
    parser.add_argument(
        "--val_share", type=fraction, default=0.1, help="share of validation photos (default: 0.1)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the division (default: 0)")
    parser.add_argument(
        "--name_encoding",
        metavar="NAME",
        help="how an archive's names are written where not in UTF-8, such as gbk",
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    with output(options.data_url) as data:
        for split in SPLITS:
            if data.holds(split):
                raise DataError(
                    f"{data.url}/{split} exists already: remove it first, "
                    "or choose another DATA_URL"
                )
        source = local_path(options.source) if options.source else None
        prepare(
            source,
            data.folder,
            val_share=options.val_share,
            seed=options.seed,
            name_encoding=options.name_encoding,
        )


if __name__ == "__main__":
    sys.exit(main())
