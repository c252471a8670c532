"""The cache of bucket contents: `$XDG_CACHE_HOME/marigold/<place>/`.

    objects/<id>          contents, by key and ETag; only complete and checked ones
    snapshots/<state>/    the folder to read: links to the objects of one state of the bucket

A snapshot is built under another name and renamed, so that it is complete or absent. One that a
running process uses is not removed.
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
    """Return the cache's root, as the XDG base directory specification defines it."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(named) if named.startswith("/") else Path.home() / ".cache"
    return base / "marigold"


def state_of(files: Mapping[str, StoredObject]) -> str:
    """Hash names and contents to a short name."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{files[name].etag}\0{files[name].size}\n".encode())
    return total.hexdigest()[:16]


class PlaceCache:
    """The cached copies of one path in a bucket.

    Args:
        url: The path.
        endpoint: The storage's endpoint: the same name may mean different buckets.
    """

    def __init__(self, url: str, endpoint: str | None) -> None:
        digest = hashlib.sha256(f"{endpoint}\0{url}".encode()).hexdigest()[:12]
        readable = re.sub(r"[^A-Za-z0-9.-]+", "-", url.partition("://")[2])[-60:].strip("-.")
        self.folder = cache_root() / f"{readable}-{digest}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from copying the same path at the same time."""
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.folder))
            except OSError as error:
                raise LocalError(
                    f"{self.folder}: cannot keep copies there: {error.strerror}; "
                    "set XDG_CACHE_HOME to a writable folder"
                ) from error
            yield

    def object_path(self, stored: StoredObject) -> Path:
        """Return the path for an object's contents."""
        name = f"{stored.key}\0{stored.etag}\0{stored.size}"
        return self.folder / "objects" / hashlib.sha256(name.encode()).hexdigest()[:32]

    def missing(self, files: Mapping[str, StoredObject]) -> list[tuple[StoredObject, Path]]:
        """List the missing objects, and where to copy them."""
        paths = {self.object_path(stored): stored for stored in files.values()}
        return [(stored, path) for path, stored in paths.items() if not _is_whole(path, stored)]

    def snapshot(self, files: Mapping[str, StoredObject]) -> Path:
        """Return a snapshot of these files, all of which are cached; remove unused ones.

        Raises:
            UrlError: An object's name cannot be a file name.
            LocalError: The folder cannot be created.
        """
        folder = self.folder / "snapshots" / state_of(files)
        if not folder.is_dir():
            try:
                with atomic_folder(folder, durable=False) as building:
                    for name, stored in files.items():
                        _link(self.object_path(stored), building, name)
            except OSError as error:
                raise LocalError(f"cannot create {folder}: {error}") from error
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
        raise UrlError(f"{name!r}: an object of that name cannot be stored as a file; rename it")
    target = folder.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(source)
