"""Files and folders that appear or change as a whole: a reader sees the old or the new, no part.

    atomic_file(path)       one file
    atomic_folder(folder)   a whole folder: what was in it before is gone
    staged_files(folder)    several files of a folder, beside others that stay

A process killed at any moment leaves the old contents or the new ones. What it leaves besides has
a hidden name, always the same, and is overwritten by the next attempt.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


@contextlib.contextmanager
def atomic_file(path: Path, mode: int | None = None) -> Iterator[Path]:
    """Give the path of a temporary file that takes the place of `path` at the end.

    Args:
        path: The file; its folder is made if there is none.
        mode: Its permissions from the first byte on, such as 0o600; None for the usual ones.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    temporary.unlink(missing_ok=True)
    try:
        if mode is not None:
            temporary.touch(mode=mode)
        yield temporary
        _to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, mode: int | None = None) -> None:
    """Write a text file as a whole, with its folder; `mode` as in `atomic_file`."""
    with atomic_file(path, mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def atomic_folder(folder: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder`, if there is one, at the end.

    Args:
        folder: The folder; one above it is made if there is none.
        durable: Whether it must outlive a power cut; a cache need not.
    """
    folder = folder.resolve()  # a link to a folder stays one
    with _staging(folder) as new:
        yield new
        for path in new.rglob("*") if durable else ():
            if path.is_file():
                _to_disk(path)
        if folder.exists():
            _exchange(new, folder)  # what was there is then in `new`, and goes with it
        else:
            new.rename(folder)


@contextlib.contextmanager
def staged_files(folder: Path, *, last: Sequence[str] = ()) -> Iterator[Path]:
    """Give an empty folder, each file of which takes its namesake's place in `folder` at the end.

    All are on disk before the first is renamed, so that a full disk or an error changes nothing.

    Args:
        folder: Where the files belong; it is made if there is none, and keeps its other files.
        last: Names of the files that vouch for the others, with their hashes. A process killed
            between two renames leaves the old ones, which then do not fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _staging(folder / "files") as staging:
        yield staging
        paths = sorted(path for path in staging.rglob("*") if path.is_file())
        for path in paths:
            _to_disk(path)
        for path in sorted(paths, key=lambda path: path.name in last):
            target = folder / path.relative_to(staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


@contextlib.contextmanager
def _staging(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = _beside(path)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(path: Path) -> Path:
    """Return the hidden name, on the same file system, that becomes `path`; its suffix is kept."""
    return path.with_name(f".{path.stem}.partial{path.suffix}")


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _exchange(new: Path, old: Path) -> None:
    """Let two folders change places, in one step where the system and the file system can."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except AttributeError:  # no Linux
        rename = None
    names = (_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old))
    if rename is None or rename(*names, _RENAME_EXCHANGE) != 0:
        shutil.rmtree(old)
        new.rename(old)
