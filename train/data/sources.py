"""The sources of photos: a folder, a tarball or zip file, or the public tf_flowers download.

Every source ends as a local folder, in which `train.data.recognition` finds the photos.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING
from urllib.request import urlopen

from tqdm import tqdm

from train.data.unpacking import unpack
from train.errors import DataError

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable
    from pathlib import Path

    Opener = Callable[[str], contextlib.AbstractContextManager[IO[bytes]]]

FLOWERS_URL = "http://download.tensorflow.org/example_images/flower_photos.tgz"
FLOWERS_BYTES = 228_813_984
FLOWERS_SHA256 = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
_CHUNK = 2**20
_TIMEOUT_S = 30
_OTHER_WAYS = "pass a folder, tarball or zip file of class folders instead: make data SOURCE=path"


def _open_url(url: str) -> contextlib.AbstractContextManager[IO[bytes]]:
    response: contextlib.AbstractContextManager[IO[bytes]]
    response = urlopen(url, timeout=_TIMEOUT_S)  # noqa: S310 - the URL is fixed above
    return response


def open_source(
    source: Path | None,
    work: Path,
    *,
    name_encoding: str | None = None,
    opener: Opener = _open_url,
) -> Path:
    """Make a source available as a folder.

    Args:
        source: A folder or an archive; None downloads tf_flowers.
        work: Folder for what is downloaded and unpacked.
        name_encoding: Of names in an archive that are not marked as UTF-8; None for UTF-8.
        opener: Opens a URL for reading.

    Raises:
        DataError: The source is missing, damaged, unsafe to unpack or cannot be downloaded.
    """
    if source is None:
        source = download_flowers(work / "flower_photos.tgz", opener=opener)
    if source.is_dir():
        if name_encoding:
            raise DataError(f"--name_encoding is for archives; {source} is a folder")
        return source
    if not source.is_file():
        raise DataError(f"{source}: no such folder or archive; {_OTHER_WAYS}")
    unpacked = work / "unpacked"
    unpack(source, unpacked, name_encoding)
    return unpacked


def download_flowers(path: Path, *, opener: Opener = _open_url) -> Path:
    """Download tf_flowers to `path` and check its SHA-256.

    Raises:
        DataError: There is no connection, it broke off, or what came is not the data set.
    """
    digest = hashlib.sha256()
    try:
        with (
            opener(FLOWERS_URL) as response,
            path.open("wb") as file,
            tqdm(
                desc="tf_flowers", total=FLOWERS_BYTES, unit="B", unit_scale=True, disable=None
            ) as bar,
        ):
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
    except OSError as error:
        raise DataError(f"cannot download {FLOWERS_URL} ({error}); {_OTHER_WAYS}") from error
    if digest.hexdigest() != FLOWERS_SHA256:
        raise DataError(
            f"{FLOWERS_URL}: expected SHA-256 {FLOWERS_SHA256}, "
            f"got {digest.hexdigest()} ({path.stat().st_size:,} bytes); try again, or {_OTHER_WAYS}"
        )
    return path
