"""What is wrong with the classes of a listing: missing, empty, alike, or not in every split."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from train.data.data_set import Listing
    from train.data.layout import Layout

_MIN_CLASSES = 2
_LAYOUT = "expected {root}/{{train,val}}/<class>/<photo>; `make data SOURCE=folder` makes that"


def layout_problems(layout: Layout, splits: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the classes of a listing whose `splits` must be there."""
    listing = layout.listing
    for split in splits:
        if not listing.get(split):
            yield f"no classes in {layout.root / split}: {_LAYOUT.format(root=layout.root)}"
    for split, classes in listing.items():
        for name, photos in classes.items():
            if not photos:
                yield (f"no photos in {layout.place(split, name)}: add some, or remove the folder")
    train = listing.get("train", {})
    if len(train) == 1:
        yield (
            f"one class only in {layout.place('train')} ({next(iter(train))}): a classifier needs "
            f"at least {_MIN_CLASSES}"
        )
    yield from _alike_names(listing)
    yield from _classes_apart(layout)


def _classes_apart(layout: Layout) -> Iterator[str]:
    """Report classes that are in one split and not in another; a test split may lack some."""
    train = layout.listing.get("train", {})
    spelt = {_plain(name) for name in train}
    for split, classes in layout.listing.items():
        if split == "train" or not classes or not train:
            continue
        here = {_plain(name) for name in classes}
        for name in sorted(train.keys() - classes.keys()) if split == "val" else ():
            if _plain(name) not in here:  # else the spelling is the problem
                yield (
                    f"class {name} is in train but not in val: "
                    f"add photos to {layout.place('val', name)}"
                )
        for name in sorted(classes.keys() - train.keys()):
            if _plain(name) not in spelt:
                yield (
                    f"class {name} is in {split} but not in train: "
                    f"add photos to {layout.place('train', name)}"
                )


def _alike_names(listing: Listing) -> Iterator[str]:
    """Report class names that look the same."""
    names = sorted({name for classes in listing.values() for name in classes})
    by_plain = defaultdict(list)
    for name in names:
        by_plain[_plain(name)].append(name)
    for alike in by_plain.values():
        if len(alike) > 1:
            composed = {unicodedata.normalize("NFC", name) for name in alike}
            kind = (
                "in case or spaces"
                if len(composed) == len(alike)
                else "in the Unicode form of their letters"
            )
            yield (
                f"class names that differ only {kind}: {', '.join(map(_quoted, alike))}: "
                "give them one name, or names that people can tell apart"
            )


def _quoted(name: str) -> str:
    """Quote a name; with escapes where its letters are not composed, which looks the same."""
    return repr(name) if unicodedata.is_normalized("NFC", name) else ascii(name)


def _plain(name: str) -> str:
    return alike(name).strip()


def alike(name: str) -> str:
    """Return what names have in common that differ in case or in Unicode form alone."""
    return unicodedata.normalize("NFC", name).casefold()
