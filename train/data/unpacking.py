"""Unpacks an untrusted tarball or zip file of photos.

Only regular files and folders come out of one, each below the target folder by its resolved path:
no link of any kind, for links are how archives write elsewhere (the `data` filter of `tarfile` has
been got round with them). What is unpacked is bounded, and read to its end, checksums included.

`train.data.unpacked` decides where members may land, `train.data.member_names` reads their names.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from typing import IO, TYPE_CHECKING, Any, cast

from train.data.member_names import MemberNames
from train.data.unpacked import BY_HAND, CHUNK, Counted, Target, limit_of
from train.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OPENERS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_DAMAGED = (
    *(EOFError, OSError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile),
    *(ValueError, OverflowError, struct.error, RuntimeError),  # headers that make no sense
)


def unpack(archive: Path, folder: Path, encoding: str | None = None) -> None:
    """Unpack a tarball or zip file.

    Args:
        archive: The file.
        folder: Where to; it is made.
        encoding: Of names that are not marked as UTF-8, such as ``gbk``; None for UTF-8.

    Raises:
        DataError: It is neither, damaged, encrypted, unsafe or too large, or its names cannot be
            read.
    """
    folder.mkdir(parents=True)
    target = Target(archive, folder.resolve(), limit_of(archive))
    names = MemberNames(archive, encoding)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(target, names)
        else:
            _unpack_tar(target, names)
    except _DAMAGED as error:
        raise DataError(
            f"{archive}: damaged, or cannot be written out: {error or type(error).__name__}; "
            "get it again, or check it with `unzip -t` or `tar -tf`"
        ) from error


def _unpack_zip(target: Target, names: MemberNames) -> None:
    with zipfile.ZipFile(target.archive) as zipped:
        for info in zipped.infolist():
            name = names.of_zip(info)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(target, name)
            place = target.place(name)
            if place is None:
                continue
            if name.endswith("/"):
                place.mkdir(parents=True, exist_ok=True)
                continue
            with _open_member(zipped, info, name) as content:
                _copy(Counted(content, target), place)


def _open_member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> IO[bytes]:
    if info.flag_bits & 1:
        raise DataError(f"{zipped.filename}: encrypted ({name!r}); {BY_HAND}")
    try:
        return zipped.open(info)
    except NotImplementedError as error:
        method = zipfile.compressor_names.get(info.compress_type, info.compress_type)  # type: ignore[attr-defined]
        raise DataError(
            f"{zipped.filename}: {name!r} ({method}) cannot be read: {error}; {BY_HAND}"
        ) from error


def _decompressed(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        start = file.read(6)
    for magic, opener in _OPENERS.items():
        if start.startswith(magic):
            return cast("IO[bytes]", opener(archive))
    return archive.open("rb")


def _unpack_tar(target: Target, names: MemberNames) -> None:
    with _decompressed(target.archive) as stream:
        counted = Counted(stream, target)
        try:
            tar = tarfile.TarFile(fileobj=counted)  # type: ignore[arg-type] # it only reads
        except tarfile.ReadError as error:
            raise DataError(f"{target.archive}: no tarball or zip file; {BY_HAND}") from error
        for member in tar:
            name = names.of_tar(member)
            if not (member.isdir() or member.isreg()) or member.issparse():
                raise _refusal(target, name)
            place = target.place(name)
            if place is None:
                continue
            if member.isdir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                with cast("IO[bytes]", tar.extractfile(member)) as content:
                    _copy(content, place)
        _check_end(tar, counted)


def _copy(content: IO[bytes] | Counted, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        while chunk := content.read(CHUNK):
            file.write(chunk)


def _refusal(target: Target, name: str) -> DataError:
    return DataError(
        f"{target.archive}: refused to unpack it: {name!r} is neither file nor folder but a link "
        "or the like; pack the files themselves (tar --dereference --hard-dereference)"
    )


def _check_end(tar: tarfile.TarFile, counted: Counted) -> None:
    """Check that members ended where the tarball says so, and the checksum after them.

    `tarfile` takes a damaged header for the end, and does not read on to a checksum.
    """
    counted.seek(tar.offset)
    block = counted.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE or block.strip(b"\0"):
        raise tarfile.ReadError(f"it breaks off after {len(tar.getmembers())} members")
    while counted.read():
        pass
