"""Where photos come from: a folder, a tarball or zip file, or the public tf_flowers download.

Every source ends as a local folder of class folders, or of `train` and `val` with class folders.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING
from urllib.request import urlopen

from tqdm import tqdm

from train.data.data_set import SPLITS
from train.errors import DataError

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable

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


def open_source(source: Path | None, work: Path, *, opener: Opener = _open_url) -> Path:
    """Make a source available as a folder of class folders.

    Args:
        source: A folder or an archive; None downloads tf_flowers.
        work: Folder for what is downloaded and unpacked.
        opener: Opens a URL for reading.

    Raises:
        DataError: The source is missing, damaged, unsafe to unpack or cannot be downloaded.
    """
    if source is None:
        source = download_flowers(work / "flower_photos.tgz", opener=opener)
    if source.is_dir():
        return _descend(source)
    if not source.is_file():
        raise DataError(f"{source}: no such folder or archive; {_OTHER_WAYS}")
    unpacked = work / "unpacked"
    unpack(source, unpacked)
    return _descend(unpacked)


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


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tarball or zip file; members that would land outside `folder` are refused.

    Raises:
        DataError: It is neither, damaged, or unsafe.
    """
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, folder)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise DataError(f"{archive}: refused to unpack it: {error}") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise DataError(f"{archive}: no tarball or zip file, or damaged: {error}") from error


def _unpack_zip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for name in zipped.namelist():
            path = PurePosixPath(name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise DataError(f"{archive}: refused to unpack it: {name!r} leads outside")
        zipped.extractall(folder)  # noqa: S202 - checked just above


def _descend(folder: Path) -> Path:
    """Go down to the folder of several class folders, or of `train` and `val`.

    Archives usually hold everything in one folder of their own.
    """
    inside = [path for path in sorted(folder.iterdir()) if _is_visible_folder(path)]
    if len(inside) == 1 and inside[0].name not in SPLITS:
        return _descend(inside[0])
    return folder


def _is_visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith((".", "__MACOSX"))
