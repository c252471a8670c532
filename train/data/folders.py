"""Tells the folders of splits from those of classes; what can be read in two ways is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from train.data.data_set import listed
from train.data.split_names import split_of, splits_among
from train.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from train.data.layout import Layout
    from train.data.tree import Tree

_UNLABELLED = ("pred", "unlabel", "unsup", "submission", "sample", "extra", "unknown")


def descend(tree: Tree) -> Tree:
    """Go down to the folder of several class folders, or of the splits.

    Archives usually hold everything in one folder of their own.
    """
    full = tree.full_folders
    if len(full) == 1 and split_of(full[0].name) is None and full[0].full_folders:
        return descend(full[0])
    return tree


def read_folders(top: Tree, layout: Layout) -> None:
    """List the photos by split and class; raises DataError where there are two ways."""
    splits = _splits(top, layout)
    if not splits:
        layout.listing = {"train": _classes(top, layout)}
        layout.folders = {"train": top.path}
        return
    for split, tree in splits.items():
        inner = _inner(tree)
        if not inner.folders and inner.photos:
            if split == "train":
                raise DataError(
                    f"{inner.path}: photos without class folders; expected {tree.name}/<class>/"
                    "<photo>, or a table with the columns image and label beside them"
                )
            layout.left_out.append(
                f"{inner.path}: {len(inner.photos)} photos without labels (no class folders)"
            )
            continue
        layout.listing[split] = _classes(inner, layout)
        layout.folders[split] = inner.path
        layout.told.append(f"{inner.path}: the {split} photos")


def _splits(top: Tree, layout: Layout) -> dict[str, Tree]:
    """Find the folders of the splits; none if the folders are classes.

    Raises:
        DataError: They can be read in two ways.
    """
    by_name = {folder.name: folder for folder in top.folders}
    named = splits_among(by_name)
    photos_only = [name for name, each in by_name.items() if each.photos and not each.full_folders]
    meant = [name for names in named.values() for name in names]
    others = [n for n, each in by_name.items() if n not in meant and each.has_photos()]
    # A vehicle is a train too: such a folder beside others, all with photos and no folders.
    if others and len(meant) == 1 and {*meant, *others} <= set(photos_only):
        layout.told.append(
            f"{by_name[meant[0]].path}: a class, since it holds photos, as those beside it do"
        )
        return {}
    if not named:
        _refuse_splits_below(top)
        return {}
    for split, names in named.items():
        if len(names) > 1:
            raise DataError(
                f"{top.path}: which folder holds the {split} photos, {' or '.join(names)}? Leave "
                f"one out (--leave_out {names[1]}), or put their photos together"
            )
    if "train" not in named:
        raise DataError(
            f"{top.path}: {listed(meant)}, and no folder train beside it: name the folder with the "
            f"classes itself ({by_name[meant[0]].path}), or rename it"
        )
    for name in others:
        if not any(word in name.casefold() for word in _UNLABELLED):
            raise DataError(
                f"{by_name[name].path}: holds photos, and stands beside {listed(meant)}: a class "
                f"or something else? Put it into one of them, or leave it out: --leave_out {name}"
            )
        layout.left_out.append(f"{by_name[name].path}: neither train, val nor test")
    _tell_loose(top, layout)
    return {split: by_name[names[0]] for split, names in named.items()}


def _refuse_splits_below(top: Tree) -> None:
    """Refuse folders of which one holds splits itself: of each class, or of a data set."""
    for folder in top.folders:
        below = splits_among(each.name for each in folder.full_folders)
        if "train" in below and len(below) > 1:
            names = listed([name for names in below.values() for name in names])
            raise DataError(
                f"{folder.path}: holds {names}, and stands beside other folders: name that folder "
                "itself as the source, or put the splits above the classes: train/<class>/<photo>"
            )


def _inner(tree: Tree) -> Tree:
    """Go down where a split's folder holds one folder that holds the classes."""
    full = tree.full_folders
    if len(full) == 1 and not tree.photos and full[0].full_folders and not full[0].photos:
        return _inner(full[0])
    return tree


def _classes(tree: Tree, layout: Layout) -> dict[str, tuple[Path, ...]]:
    _tell_loose(tree, layout)
    return {folder.name: folder.all_photos() for folder in tree.folders}


def _tell_loose(tree: Tree, layout: Layout) -> None:
    if tree.photos:
        layout.left_out.append(
            f"{tree.path}: {len(tree.photos)} files in no class folder, such as "
            f"{tree.photos[0].name}"
        )
