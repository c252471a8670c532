"""Files named on the command line: on this machine, or in a bucket (`obs://`, `s3://`).

The one place where the client uses another package of this project: `storage`, and only for a
bucket. If the client was copied without it, such a name is an error.
"""

from __future__ import annotations

import glob
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from client.errors import LocalFileError
from client.operations.comparison import images_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def named_files(names: Iterable[str]) -> list[str]:
    """Return the files that names from a command line stand for; folders become their images.

    `make` hands on several names in one text, such as ``IMAGE="a.jpg b.jpg"``: where a text is no
    file, it is taken apart at blanks, so that each piece is the longest one that is a file, a
    folder or a pattern. Quotes work as in a shell.

    Args:
        names: Paths, patterns, ``obs://`` and ``s3://`` URLs, or several in one text.

    Raises:
        LocalFileError: A folder has no images in it.
    """
    return [file for name in names for piece in _apart(name) for file in _files_of(piece)]


def _apart(text: str) -> list[str]:
    """Take a text apart into names; whole where none of its pieces is there."""
    words = text.split()
    pieces = list(_longest(words)) if not _is_there(text) and len(words) > 1 else [text]
    if not all(map(_is_there, pieces)):
        try:
            quoted = shlex.split(text)
        except ValueError:  # an apostrophe in a name
            quoted = []
        if quoted and all(map(_is_there, quoted)):
            return quoted
    return pieces if any(map(_is_there, pieces)) else [text]


def _longest(words: list[str]) -> Iterator[str]:
    start = 0
    while start < len(words):
        ends = range(len(words), start, -1)
        joined = ((end, " ".join(words[start:end])) for end in ends)
        end, name = next((found for found in joined if _is_there(found[1])), (start + 1, ""))
        yield name or words[start]
        start = end


def _is_there(name: str) -> bool:
    return ("://" in name and " " not in name) or bool(_matches(name))


def _matches(name: str) -> list[str]:
    """Return the path itself, or what a pattern matches."""
    path = str(Path(name).expanduser())
    if Path(path).exists():
        return [path if name.startswith("~") else name]
    return sorted(glob.glob(path)) if glob.has_magic(path) else []  # noqa: PTH207 - as it is named


def _files_of(name: str) -> Iterator[str]:
    for path in ([] if "://" in name else _matches(name)) or [name]:
        if "://" not in path and Path(path).is_dir():
            yield from map(str, images_in(Path(path)))
        else:
            yield path


def local_file(name: str) -> Path:
    """Return a local path of the file `name`; copies it from a bucket first if need be.

    Raises:
        LocalFileError: It is in a bucket and cannot be copied.
    """
    if "://" not in name:
        return Path(name)
    try:
        from storage import StorageError, fetch  # noqa: PLC0415 - see the module's docstring
    except ImportError as error:
        raise LocalFileError(
            f"{name}: buckets need the package `storage` beside the client, and boto3; "
            "copy the file to this machine first"
        ) from error
    try:
        path = fetch(name)
    except StorageError as error:
        raise LocalFileError(str(error)) from error
    if path.is_dir():
        raise LocalFileError(f"{name} is a folder; name the files in it")
    return path
