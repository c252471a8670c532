"""Copies the contents of a URL to this machine, unless they are there already."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from storage.bucket import Bucket, StoredObject
from storage.cache import PlaceCache, state_of
from storage.errors import NotFound, ObjectChanged
from storage.locations import Location, is_remote, local_path, parse
from storage.transfer import download

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

logger = logging.getLogger(__name__)


def fetch(
    url: str, *, skip: Collection[str] = (), wanted: Callable[[str], bool] | None = None
) -> Path:
    """Return a local path to the contents of `url`: the path itself, or a synchronised copy.

    The copy is read-only, and stays at least as long as this process runs.

    Args:
        url: A local path, or a folder or an object in a bucket.
        skip: Names in a bucket's folder that are not needed.
        wanted: Whether a name in a bucket's folder is needed; None for all.

    Raises:
        StorageError: The URL is invalid or empty, or cannot be copied.
    """
    if not is_remote(url):
        return local_path(url)
    location = parse(url)

    def is_needed(name: str) -> bool:
        return name not in skip and (wanted is None or wanted(name))

    with Bucket(location) as bucket:
        try:
            return _synchronise(bucket, location, is_needed)
        except ObjectChanged as error:
            logger.warning("%s; starting again", error)
            return _synchronise(bucket, location, is_needed)


def fingerprint(url: str) -> str:
    """Return a string that changes with the contents of a bucket's URL; empty for local paths.

    Raises:
        StorageError: As `fetch`.
    """
    if not is_remote(url):
        return ""
    location = parse(url)
    with Bucket(location) as bucket:
        return state_of(_list(bucket, location))


def _synchronise(bucket: Bucket, location: Location, is_needed: Callable[[str], bool]) -> Path:
    files = _list(bucket, location)
    is_object = "" in files
    if is_object:
        files = {location.key.rpartition("/")[2]: files[""]}
    else:
        files = {name: stored for name, stored in files.items() if is_needed(name)}
    cache = PlaceCache(str(location), bucket.settings.endpoint)
    with cache.locked():
        missing = cache.missing(files)
        if missing:
            download(bucket, missing, str(location))
        folder = cache.snapshot(files)
    logger.info(
        "%s: %d files, %d of them copied now, in %s", location, len(files), len(missing), folder
    )
    return folder / next(iter(files)) if is_object else folder


def _list(bucket: Bucket, location: Location) -> dict[str, StoredObject]:
    """List a folder's objects by relative name; a single object has the name ``""``."""
    found = bucket.list(location.prefix)
    if found:
        return {stored.key.removeprefix(location.prefix): stored for stored in found}
    if location.key:
        return {"": bucket.find(location.key)}
    raise NotFound(f"{location}: the bucket is empty; put something into it, or name another one")
