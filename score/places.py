"""Where photos are read from and tables written to: a folder, or a path in a bucket.

Files are written atomically. Each worker opens its own place.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from storage.bucket import Bucket, StoredObject
from storage.locations import is_remote, local_path, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor


class Entry(NamedTuple):
    """A file as it was listed.

    Attributes:
        name: Its path relative to the place, with forward slashes.
        size: In bytes.
        state: Changes when its contents do: the ETag, or the time of the last change.
    """

    name: str
    size: int
    state: str


class Place(Protocol):
    """A folder or a path in a bucket; use it in a `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def entries(self) -> list[Entry]:
        """List all files, in the order of their names."""
        ...

    def read_all(self, entries: Sequence[Entry], pool: Executor) -> list[bytes | Exception]:
        """Read files, several at a time; one that cannot be read gives its error."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        ...


class Folder:
    """A folder on this machine, or on a disk that all machines share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def entries(self) -> list[Entry]:
        """List all files, in the order of their names."""
        found = []
        for path in self._path.rglob("*"):
            if path.is_file():
                status = path.stat()
                name = path.relative_to(self._path).as_posix()
                found.append(Entry(name, status.st_size, str(status.st_mtime_ns)))
        return sorted(found)

    def read_all(self, entries: Sequence[Entry], pool: Executor) -> list[bytes | Exception]:
        """Read files, several at a time; one that cannot be read gives its error."""
        return list(pool.map(self._read, entries))

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._path.mkdir(parents=True, exist_ok=True)
        # Two workers may write the same file: each needs a temporary name of its own.
        with tempfile.TemporaryDirectory(dir=self._path, prefix=".writing-") as temporary:
            path = Path(temporary) / name
            path.write_bytes(content)
            path.rename(self._path / name)

    def _read(self, entry: Entry) -> bytes | Exception:
        try:
            return (self._path / entry.name).read_bytes()
        except OSError as error:
            return error


class BucketPlace:
    """A path in a bucket."""

    def __init__(self, url: str) -> None:
        self._location = parse(url)
        self._bucket = Bucket(self._location)

    def __enter__(self) -> Self:
        self._bucket.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bucket.__exit__()

    def entries(self) -> list[Entry]:
        """List all files, in the order of their names."""
        prefix = self._location.prefix
        return sorted(
            Entry(stored.key.removeprefix(prefix), stored.size, stored.etag)
            for stored in self._bucket.list(prefix)
        )

    def read_all(self, entries: Sequence[Entry], pool: Executor) -> list[bytes | Exception]:
        """Read files, several at a time; one that cannot be read gives its error."""
        with tempfile.TemporaryDirectory(prefix="marigold-score-") as temporary:
            paths = [Path(temporary) / str(number) for number in range(len(entries))]
            return list(pool.map(self._read, entries, paths))

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        with tempfile.TemporaryDirectory(prefix="marigold-score-") as temporary:
            path = Path(temporary) / "file"
            path.write_bytes(content)
            self._bucket.write(path, self._location.prefix + name)

    def _read(self, entry: Entry, path: Path) -> bytes | Exception:
        stored = StoredObject(self._location.prefix + entry.name, entry.size, entry.state)
        try:
            self._bucket.append(stored, path, lambda _: None)
            return path.read_bytes()
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the job
            return error


def open_place(url: str) -> Place:
    """Return the place that a path or URL names, without reading anything yet.

    Raises:
        StorageError: The URL is invalid.
    """
    return BucketPlace(url) if is_remote(url) else Folder(local_path(url))
