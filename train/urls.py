"""Where a job reads and writes: the platform's URLs as local folders.

What a bucket holds is synchronised into a cache, and what is made for a bucket is uploaded at the
end; how, is the matter of `storage`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from classifier.description import DESCRIPTION_FILE
from storage import StorageError, fetch, publishing
from train.errors import UrlError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from storage import Output


def local_path(url: str, *, skip: Collection[str] = ()) -> Path:
    """Return a local path with what is at `url`, to be read.

    Args:
        url: A local path, or ``obs://`` or ``s3://`` with a bucket.
        skip: Names in a bucket's folder that are not needed.

    Raises:
        UrlError: There is nothing at it, or it cannot be copied.
    """
    try:
        return fetch(url, skip=skip)
    except StorageError as error:
        raise UrlError(str(error)) from error


@contextlib.contextmanager
def output(url: str) -> Iterator[Output]:
    """Give a local folder for what belongs at `url`; it is there when the block has ended well.

    Raises:
        UrlError: `url` cannot be written to; raised before the block begins if possible.
    """
    try:
        with publishing(url, last=(DESCRIPTION_FILE,)) as place:
            yield place
    except StorageError as error:
        raise UrlError(str(error)) from error
