"""The folders of a source as they lie on disk, litter left out; `train.data.layout` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from train.data.litter import TABLES, Litter, is_litter_file, is_litter_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """A folder.

    Attributes:
        path: Where it is.
        photos: The files in it that could be photos, sorted.
        tables: The files in it that could say the classes of photos, sorted.
        folders: The folders in it, sorted, empty ones too.
    """

    path: Path
    photos: tuple[Path, ...]
    tables: tuple[Path, ...]
    folders: tuple[Tree, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def full_folders(self) -> list[Tree]:
        """The folders in it with photos at any depth."""
        return [folder for folder in self.folders if folder.has_photos()]

    def has_photos(self) -> bool:
        """Tell whether there are photos, at any depth."""
        return bool(self.photos) or any(folder.has_photos() for folder in self.folders)

    def all_photos(self) -> tuple[Path, ...]:
        """Return the photos at any depth, sorted."""
        return tuple(sorted(path for each in self.walk() for path in each.photos))

    def all_tables(self) -> list[Path]:
        """Return the tables at any depth, those further up first."""
        return [path for each in self.walk() for path in each.tables]

    def walk(self) -> Iterator[Tree]:
        """Yield this folder and all below."""
        yield self
        for folder in self.folders:
            yield from folder.walk()


def read_tree(folder: Path, litter: Litter, leave_out: Collection[str] = ()) -> Tree:
    """List a folder and all below; links to folders are followed.

    Args:
        folder: The folder; without files if there is none.
        litter: Counts what is left out.
        leave_out: Names of folders that are left out, at any depth.
    """
    return _read(folder, litter, frozenset(leave_out), frozenset())


def _read(folder: Path, litter: Litter, leave_out: frozenset[str], above: frozenset[Path]) -> Tree:
    place = folder.resolve()
    photos, tables, folders = [], [], []
    # A link to a folder above would lead round for ever.
    inside = sorted(folder.iterdir()) if folder.is_dir() and place not in above else []
    for path in inside:
        if path.is_dir():
            if is_litter_folder(path.name) or path.name in leave_out:
                litter.folders[path.name] += 1
            else:
                folders.append(_read(path, litter, leave_out, above | {place}))
        elif is_litter_file(path.name, path.suffix):
            litter.add_file(path)
            if path.suffix.casefold() in TABLES and not path.name.startswith("."):
                tables.append(path)
        elif path.is_file():
            photos.append(path)
    return Tree(folder, tuple(photos), tuple(tables), tuple(folders))
