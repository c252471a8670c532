"""The local copies of what buckets hold: `$XDG_CACHE_HOME/marigold/<place>/`.

    objects/<id>          contents, by key and ETag; there only when whole and checked
    snapshots/<state>/    the folder that is used: links to the objects of one state of the bucket

A snapshot is built aside and renamed, so that there is a whole one or none. One that a living
process uses is not removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storage.errors import LocalError, UrlError
from storage.files import atomic_folder
from storage.locks import hold, is_free, locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storage.bucket import StoredObject


def cache_root() -> Path:
    """Return the folder of all copies; the XDG base directory specification names it."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "marigold"


def state_of(files: Mapping[str, StoredObject]) -> str:
    """Condense names and contents to a short name."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{files[name].etag}\0{files[name].size}\n".encode())
    return total.hexdigest()[:16]


class PlaceCache:
    """The copies of one place in a bucket.

    Args:
        url: The place.
        endpoint: Of the storage: the same name may stand for different buckets.
    """

    def __init__(self, url: str, endpoint: str | None) -> None:
        digest = hashlib.sha256(f"{endpoint}\0{url}".encode()).hexdigest()[:12]
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", url.partition("://")[2])[-60:].strip("-.")
        self.folder = cache_root() / f"{readable}-{digest}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from copying the same place at the same time."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
            except OSError as error:
                raise LocalError(
                    f"{self.folder}: cannot keep copies there: {error.strerror}; "
                    "set XDG_CACHE_HOME to a folder that can be written"
                ) from error
            yield

    def object_path(self, stored: StoredObject) -> Path:
        """Return where the contents of an object belong."""
        name = f"{stored.key}\0{stored.etag}\0{stored.size}"
        return self.folder / "objects" / hashlib.sha256(name.encode()).hexdigest()[:32]

    def missing(self, files: Mapping[str, StoredObject]) -> list[tuple[StoredObject, Path]]:
        """List the objects that are not here, and where to copy them."""
        paths = {self.object_path(stored): stored for stored in files.values()}
        return [(stored, path) for path, stored in paths.items() if not _is_whole(path, stored)]

    def snapshot(self, files: Mapping[str, StoredObject]) -> Path:
        """Return the folder with these files, all of which are here; remove those of other states.

        Raises:
            UrlError: An object's name is none that a file can have.
            LocalError: The folder cannot be made.
        """
        folder = self.folder / "snapshots" / state_of(files)
        if not folder.is_dir():
            try:
                with atomic_folder(folder, durable=False) as building:
                    for name, stored in files.items():
                        _link(self.object_path(stored), building, name)
            except OSError as error:
                raise LocalError(f"cannot make {folder}: {error}") from error
        hold(folder)
        self._prune({folder.name}, {self.object_path(stored).name for stored in files.values()})
        return folder

    def _prune(self, snapshots: set[str], objects: set[str]) -> None:
        for folder in (self.folder / "snapshots").iterdir():
            if folder.name not in snapshots and is_free(folder):
                shutil.rmtree(folder, ignore_errors=True)
        for path in (self.folder / "objects").iterdir():
            if path.name.removesuffix(".part") not in objects and path.stat().st_nlink == 1:
                path.unlink()


def _is_whole(path: Path, stored: StoredObject) -> bool:
    return path.is_file() and path.stat().st_size == stored.size


def _link(source: Path, folder: Path, name: str) -> None:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or parts[0] == "/" or "\0" in name:
        raise UrlError(f"{name!r}: an object of that name cannot become a file; rename it")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(source)
