"""Maps the platform's URLs to local folders for reading and writing.

A bucket's contents are synchronised into a cache, and output for a bucket is uploaded at the end,
both by `storage`.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from classifier.description import DESCRIPTION_FILE
from storage import StorageError, fetch, publishing
from storage.errors import InUse
from storage.locks import locked
from train import world
from train.errors import UrlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from storage import Output

# Processes that read photos outlive a killed training by up to 5 s, and hold its lock.
_LOCK_DEADLINE_S = 10.0


def local_path(url: str, *, skip: Collection[str] = ()) -> Path:
    """Return a local path with the contents of `url`, for reading.

    Args:
        url: A local path, or ``obs://`` or ``s3://`` with a bucket.
        skip: Names in a bucket's folder that are not needed.

    Raises:
        UrlError: There is nothing there, or it cannot be copied.
    """
    try:
        return fetch(url, skip=skip)
    except StorageError as error:
        raise UrlError(str(error)) from error


@contextlib.contextmanager
def output(url: str) -> Iterator[Output]:
    """Yield a local folder whose contents are at `url` once the block has ended without an error.

    Raises:
        UrlError: `url` cannot be written to; raised before the block begins if possible.
    """
    try:
        with publishing(url, last=(DESCRIPTION_FILE,)) as place:
            yield place
    except StorageError as error:
        raise UrlError(str(error)) from error


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder against other trainings; it is created if missing.

    Of several processes that train together, the first one holds the lock.

    Raises:
        UrlError: Another training holds the lock; the message names the process.
    """
    if not world.is_first():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LOCK_DEADLINE_S
    with contextlib.ExitStack() as until_done:
        while True:
            try:
                until_done.enter_context(locked(folder, wait=False))
                break
            except InUse as error:
                if time.monotonic() >= deadline:
                    raise UrlError(
                        f"{error}: wait until it has ended, or choose another --train_url"
                    ) from error
            time.sleep(0.2)
        yield
