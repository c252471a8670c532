"""Uploads what a command has written to a URL."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.bucket import Bucket, StoredObject
from storage.cache import cache_root
from storage.errors import LocalError, NotFound, StorageError
from storage.fetching import fetch
from storage.hashes import matches
from storage.locations import Location, is_remote, local_path, parse
from storage.locks import hold, remove_unused
from storage.transfer import upload as transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Output:
    """Where a command writes.

    Attributes:
        url: The final destination.
        folder: The local folder to write to: the URL's own, or one that is uploaded at the end.
        location: The path in a bucket; None if `url` is local.
    """

    url: str
    folder: Path
    location: Location | None = None

    def bring(self, name: str) -> None:
        """Copy a file from an earlier command at the URL into the folder, if there is one.

        Raises:
            StorageError: There is one, but it cannot be copied.
        """
        if self.location is None or (self.folder / name).exists():
            return
        with contextlib.suppress(NotFound):
            shutil.copyfile(fetch(str(self.location.child(name))), self.folder / name)

    def holds(self, name: str) -> bool:
        """Return whether the folder `name` at a bucket's URL already has contents.

        Raises:
            StorageError: The bucket cannot be listed.
        """
        if self.location is None:
            return False
        with Bucket(self.location) as bucket:
            return bool(bucket.list(self.location.child(name).prefix, limit=1))

    def save(self, path: Path) -> None:
        """Upload one file of the folder now; a failure is only logged, as more uploads follow."""
        if self.location is None:
            return
        key = self.location.prefix + path.relative_to(self.folder).as_posix()
        try:
            with Bucket(self.location) as bucket:
                transfer(bucket, [(path, key)], path.name)
        except StorageError as error:
            logger.warning("%s was not uploaded: %s", path.name, error)


@contextlib.contextmanager
def publishing(url: str, *, last: Sequence[str] = ()) -> Iterator[Output]:
    """Yield a folder to write to, and upload it to `url` at the end if there was no error.

    Args:
        url: A local path, which is then the folder itself, or a folder in a bucket.
        last: Names of files that tell readers that the others are complete.

    Raises:
        StorageError: The bucket cannot be reached, before anything is done; or the upload
            failed, and the message says where the files are.
    """
    if not is_remote(url):
        yield Output(url, local_path(url))
        return
    location = parse(url)
    with Bucket(location) as bucket:
        bucket.list(location.prefix, limit=1)
    job = _make_folder()
    folder = job / "files"  # below the one that is held: who writes here may lock it
    folder.mkdir()
    try:
        yield Output(url, folder, location)
    except BaseException:
        shutil.rmtree(job, ignore_errors=True)
        raise
    try:
        if any(folder.iterdir()):
            upload(folder, url, last=last)
    except StorageError as error:
        kept = job.rename(job.with_name(job.name.replace("job-", "kept-"))) / folder.name
        raise type(error)(
            f"{error}; the files are in {kept}: upload them with "
            f"`python -m storage copy {kept} {url}`"
        ) from error
    shutil.rmtree(job, ignore_errors=True)


def upload(folder: Path, url: str, *, last: Sequence[str] = ()) -> None:
    """Upload the files of a folder, except those already there; nothing is removed.

    Raises:
        StorageError: A file could not be read or written; the others may have been uploaded.
    """
    location = parse(url)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not paths:
        raise LocalError(f"{folder} has no files to upload to {url}")
    with Bucket(location) as bucket:
        there = {stored.key: stored for stored in bucket.list(location.prefix)}
        keys = {path: location.prefix + path.relative_to(folder).as_posix() for path in paths}
        wanted = [path for path in paths if not _is_there(path, there.get(keys[path]))]
        for group in (
            [path for path in wanted if path.name not in last],
            [path for path in wanted if path.name in last],
        ):
            if group:
                transfer(bucket, [(path, keys[path]) for path in group], url)
    logger.info("%s: %d files, %d of them uploaded now", url, len(paths), len(wanted))


def _is_there(path: Path, stored: StoredObject | None) -> bool:
    if stored is None or stored.size != path.stat().st_size:
        return False
    return matches(path, stored.etag) is True


def _make_folder() -> Path:
    """Create a folder for this process, and remove those of dead processes."""
    root = cache_root() / "outputs"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_unused(root.glob("job-*"))
        new = Path(tempfile.mkdtemp(prefix="new-", dir=root))
        hold(new)  # before it has a name that others would remove
        return new.rename(new.with_name(new.name.replace("new-", "job-")))
    except OSError as error:
        raise LocalError(
            f"{root}: cannot write there: {error.strerror}; set XDG_CACHE_HOME to another folder"
        ) from error
