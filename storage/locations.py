"""Parses URLs: a local path, or a path in a bucket.

`obs://` and `s3://` are both accepted, as in ModelArts; they differ in the settings that apply
(`storage.settings`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from storage.errors import UrlError

SCHEMES = ("obs", "s3")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class Location:
    """A folder or an object in a bucket.

    Attributes:
        scheme: "obs" or "s3".
        bucket: Name of the bucket.
        key: The path in it, without leading or trailing slash; empty for the whole bucket.
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}".rstrip("/")

    @property
    def prefix(self) -> str:
        """The common prefix of the keys of all objects in this folder."""
        return f"{self.key}/" if self.key else ""

    def child(self, name: str) -> Location:
        """Return the path `name` in this folder."""
        return Location(self.scheme, self.bucket, self.prefix + name)


def is_remote(url: str) -> bool:
    """Return whether `url` is not a local path."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme != "file"


def local_path(url: str) -> Path:
    """Return the local path that `url` names, which may be a ``file://`` URL."""
    scheme, separator, rest = url.partition("://")
    return Path(rest) if separator and scheme == "file" else Path(url).expanduser()


def parse(url: str) -> Location:
    """Parse the URL of a path in a bucket.

    Raises:
        UrlError: The scheme is not in `SCHEMES`, or the bucket name is invalid.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in SCHEMES:
        raise UrlError(
            f"{url}: cannot read or write {scheme}:// URLs; pass a local path, "
            "obs://bucket/path or s3://bucket/path"
        )
    if not _BUCKET.fullmatch(bucket):
        raise UrlError(
            f"{url}: {bucket!r} is not a bucket name (3 to 63 lower-case letters, digits, "
            "hyphens and dots); pass obs://bucket/path"
        )
    return Location(scheme, bucket, key.strip("/"))
