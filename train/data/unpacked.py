"""The folder that an archive is unpacked into: what may land there, and how much."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from train.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

BY_HAND = "unpack it yourself and name the folder: make data SOURCE=folder"
# Photos hardly compress; what unpacks to far more than its own size was made to fill a disk.
_GROWTH = 20
_MIN_LIMIT_BYTES = 2**30
_BLOCK_BYTES = 4096  # what a member takes on a disk at least
CHUNK = 2**20  # nothing is read in larger pieces: tarfile would read endless names at once


@dataclass
class Target:
    """The folder that is filled, and what may still be written to it.

    Attributes:
        archive: What is unpacked; named in errors.
        folder: Where to, without links in its path.
        bytes_left: How much more it may hold.
    """

    archive: Path
    folder: Path
    bytes_left: int

    def place(self, name: str) -> Path | None:
        """Return where a member belongs; None for the folder itself.

        Raises:
            DataError: It would land outside.
        """
        self.count(_BLOCK_BYTES)
        path = PurePosixPath(name)
        if not path.parts:
            return None
        place = self.folder / path
        is_plain = not path.is_absolute() and ".." not in path.parts and "\0" not in name
        if not is_plain or not place.parent.resolve().is_relative_to(self.folder):
            raise DataError(f"{self.archive}: refused to unpack it: {name!r} leads outside")
        return place

    def count(self, size: int) -> None:
        """Count what was unpacked.

        Raises:
            DataError: It is more than photos can be.
        """
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise DataError(
                f"{self.archive}: unpacks to more than {limit_of(self.archive):,} bytes, as no "
                f"photos in {self.archive.stat().st_size:,} bytes do; if it is right, {BY_HAND}"
            )


class Counted:
    """What a member or a tarball holds, counted as it is read."""

    def __init__(self, stream: IO[bytes], target: Target) -> None:
        self._stream, self._target = stream, target
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = CHUNK) -> bytes:
        """Read at most a megabyte."""
        if size > CHUNK:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        content = self._stream.read(size)
        self._target.count(len(content))
        return content


def limit_of(archive: Path) -> int:
    """Return how much an archive may unpack to, in bytes."""
    return max(_MIN_LIMIT_BYTES, _GROWTH * archive.stat().st_size)
