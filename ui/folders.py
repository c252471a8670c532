"""The folders that uploaded photos came in: they name the classes of labelled photos.

An upload keeps a file's name alone, so `page.js` writes the folder before it, with a division slash
between them. What no file name may hold is written there as in a URL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from pathlib import Path

_SLASH = "\N{DIVISION SLASH}"


def folder_of(path: Path) -> str | None:
    """Return the name of the folder that an uploaded photo came in; None if it came in none."""
    folder, slash, _ = path.name.partition(_SLASH)
    return unquote(folder) if slash else None


def shown_name(path: Path) -> str:
    """Return an uploaded photo's own name, below its folder's if it came in one."""
    folder = folder_of(path)
    name = path.name.partition(_SLASH)[2]
    return path.name if folder is None else f"{folder}/{name}"
