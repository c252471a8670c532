"""Reads from folders, as people have them, which photos are of which class and split.

    <class>/...                             the source is divided later
    {train,val,test}/<class>/...            by their many names, see `train.data.split_names`
    train/train/<class>/...                 a folder in a folder, as archives unpack
    photos and a table                      see `train.data.labels_file`

What can be read in two ways is refused. Whatever was recognised is told, and so is what was left
out, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.data.data_set import SPLITS
from train.data.folders import descend, read_folders
from train.data.layout import Layout
from train.data.litter import Litter
from train.data.tables import BY_FOLDERS, agree, find_tables, read_tables
from train.data.tree import read_tree
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from train.data.data_set import Listing


def read_layout(folder: Path, *, leave_out: Collection[str] = (), labels: str = "") -> Layout:
    """Recognise the layout of a folder.

    Args:
        folder: The source of photos, or a data set.
        leave_out: Names of folders that are left out.
        labels: The table with the classes, by its path or its name in the folder; "folders" for
            none; "" for one if there is one.

    Raises:
        DataError: The layout can be read in two ways, or in none.
    """
    litter = Litter()
    whole = read_tree(folder, litter, leave_out)
    layout = Layout(folder)
    tables = [] if labels == BY_FOLDERS else find_tables(whole, labels, layout)
    top = descend(whole)
    layout.root = top.path
    by_folders, problem = Layout(top.path), None
    try:
        read_folders(top, by_folders)
    except DataError as error:
        problem = error
    if tables and (labels or problem or not agree(tables, by_folders, whole)):
        layout.root = folder
        read_tables(tables, whole, layout)
    elif problem:
        raise problem
    else:
        layout.listing, layout.folders = by_folders.listing, by_folders.folders
        layout.told += by_folders.told
        layout.left_out += by_folders.left_out
    if str(litter):
        layout.left_out.append(str(litter))
    return layout


def list_photos(root: Path) -> Listing:
    """List the photos of each class of each split of a data set, sorted; "test" if there is one.

    Raises:
        DataError: The folder can be read in two ways.
    """
    listing = read_layout(root).listing
    return {split: {} for split in SPLITS} | listing


def list_classes(folder: Path) -> dict[str, tuple[Path, ...]]:
    """List the photos of each class folder in `folder`, sorted; litter is left out."""
    tree = read_tree(folder, Litter())
    return {inside.name: inside.all_photos() for inside in tree.folders}
