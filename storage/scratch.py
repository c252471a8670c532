"""Temporary folders that nobody has to remove by hand, however their process ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from storage.locks import locked, remove_unused

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW = "new-"  # before its lock is held, others must not take it for one that was left


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Give an empty folder in TMPDIR for a `with` block, which is removed with what is in it.

    What a killed process left is removed by the next one that asks for the same prefix.

    Args:
        prefix: Of its name; says whose it is.
    """
    root = Path(tempfile.gettempdir())
    remove_unused(path for path in root.glob(f"{prefix}*") if _is_own(path))
    new = Path(tempfile.mkdtemp(prefix=_NEW + prefix, dir=root))
    with locked(new, shared=True):
        folder = new.rename(root / new.name.removeprefix(_NEW))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _is_own(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.geteuid() and path.is_dir() and not path.is_symlink()
    except OSError:  # gone meanwhile
        return False
