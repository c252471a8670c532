"""Checks whether a local file matches an object's ETag.

An object written in one piece has the MD5 of its contents; one written in parts has the MD5 of the
parts' MD5s and their number, but not their size.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MD5 = re.compile(r"[0-9a-f]{32}")
_PARTS = re.compile(r"[0-9a-f]{32}-([0-9]+)")
_MEBIBYTE = 2**20
# What s3fs, boto3, the AWS and OBS tools and others use by default, in MiB.
_PART_SIZES = (5, 6, 8, 9, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024)


def matches(path: Path, etag: str) -> bool | None:
    """Return whether a file matches `etag`; None if that cannot be determined."""
    if _MD5.fullmatch(etag):
        return _md5(path) == etag
    parts = _PARTS.fullmatch(etag)
    if not parts:
        return None  # some storages have other kinds of ETags
    size, count = path.stat().st_size, int(parts[1])
    fitting = (part * _MEBIBYTE for part in _PART_SIZES if -(-size // (part * _MEBIBYTE)) == count)
    sizes = [size] if count == 1 else list(fitting)
    return True if any(_etag_of_parts(path, part) == etag for part in sizes) else None


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _etag_of_parts(path: Path, part_bytes: int) -> str:
    digests = list(_digests(path, part_bytes))
    total = hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()
    return f"{total}-{len(digests)}"


def _digests(path: Path, part_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(part_bytes):
            yield hashlib.md5(chunk, usedforsecurity=False).digest()
