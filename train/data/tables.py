"""Which tables beside photos say their classes, and whether class folders say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.data.labels_file import labelled, read_table
from train.data.split_names import split_of, splits_among
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from train.data.labels_file import Table
    from train.data.layout import Layout
    from train.data.tree import Tree

BY_FOLDERS = "folders"  # instead of a table


def find_tables(tree: Tree, wanted: str, layout: Layout) -> list[Table]:
    """Read the tables with labels: the one that is wanted, or all."""
    paths = tree.all_tables()
    if wanted:
        paths = [path for path in paths if wanted in (str(path), path.name)]
        if not paths:
            raise DataError(f"--labels {wanted}: no such table in {tree.path}")
    tables = []
    for path in paths:
        table = None if "submission" in path.name.casefold() and not wanted else read_table(path)
        if table is not None and table.rows:
            tables.append(table)
        elif wanted:
            raise DataError(f"{path}: no columns for photos and labels; call them image and label")
        else:
            layout.left_out.append(f"{path}: no table of photos and labels")
    return tables


def _split_of_table(table: Table, names: Sequence[str]) -> str:
    """Return the split that a table's rows belong to: by its name, or by its folder's."""
    among = splits_among(names)
    by_name = next((split for split, each in among.items() if table.path.stem in each), None)
    return by_name or split_of(table.path.parent.name) or "train"


def agree(tables: Sequence[Table], by_folders: Layout, tree: Tree) -> bool:
    """Tell whether tables say the same as class folders, which are then used.

    Raises:
        DataError: They contradict each other.
    """
    classes = {
        path: name
        for split in by_folders.listing.values()
        for name, photos in split.items()
        for path in photos
    }
    if len({*classes.values()}) < 2:  # noqa: PLR2004 - one folder of photos, and no classes
        return False
    for table in tables:
        try:
            found = labelled(table, tree.all_photos(), "train")
        except DataError:
            continue  # a table about something else
        for split in found.values():
            for label, paths in split.items():
                other = next((path for path in paths if classes.get(path, label) != label), None)
                if other is not None:
                    raise DataError(
                        f"{other}: is {label!r} in {table.path.name}, in the folder "
                        f"{classes[other]!r}; say which counts: --labels {table.path.name}, or "
                        f"--labels {BY_FOLDERS}"
                    )
    return True


def read_tables(tables: Sequence[Table], tree: Tree, layout: Layout) -> None:
    """List the photos by split and class; raises DataError where two tables have labels."""
    photos = tree.all_photos()
    names = [table.path.stem for table in tables]
    used: dict[str, Table] = {}
    for table in tables:
        split = _split_of_table(table, names)
        if split in used:
            raise DataError(
                f"{used[split].path} and {table.path} both have labels: name one with "
                f"--labels {table.path.name}"
            )
        used[split] = table
    labelled_paths: set[Path] = set()
    for default, table in used.items():
        found = labelled(table, photos, default)
        for split, classes in found.items():
            into = layout.listing.setdefault(split, {})
            for name, paths in classes.items():
                into[name] = tuple(sorted({*into.get(name, ()), *paths}))
                labelled_paths.update(paths)
        layout.told.append(f"{table.path}: the labels ({table.columns}), {', '.join(found)}")
    layout.listing = {
        split: dict(sorted(layout.listing[split].items()))
        for split in ("train", "val", "test")
        if split in layout.listing
    }
    unlabelled = [path for path in photos if path not in labelled_paths]
    if unlabelled:
        layout.left_out.append(f"{len(unlabelled)} photos without a label, such as {unlabelled[0]}")
