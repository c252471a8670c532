"""Decodes the names of the members of a tarball or zip file.

Neither format defines the encoding reliably. Zip files mark UTF-8, and without the mark use the
packer's code page; tarballs mostly use UTF-8. A wrong guess would become the name of a class, so we
do not guess: for anything but UTF-8, the user must name the encoding.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from train.errors import DataError

if TYPE_CHECKING:
    import tarfile
    import zipfile
    from collections.abc import Iterator
    from pathlib import Path

_UTF_8_MARK = 0x800
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field: version, checksum of the plain name, UTF-8
_USUAL = ("gbk", "big5", "shift_jis", "euc_kr", "cp850", "latin-1")


class MemberNames:
    """Reads the names of one archive.

    Args:
        archive: Named in errors.
        encoding: Of names that are not marked; None for UTF-8.

    Raises:
        DataError: There is no such encoding.
    """

    def __init__(self, archive: Path, encoding: str | None) -> None:
        self._archive, self._encoding = archive, encoding
        try:
            b"ab".decode(encoding or "utf-8")
        except LookupError as error:
            known = ", ".join(_USUAL)
            raise DataError(f"--name_encoding {encoding}: unknown; usual ones: {known}") from error

    def of_zip(self, info: zipfile.ZipInfo) -> str:
        """Return a member's name, with slashes between folders.

        Raises:
            DataError: It is not in the encoding.
        """
        name = info.orig_filename
        if not info.flag_bits & _UTF_8_MARK:
            plain = name.encode("cp437")  # as `zipfile` read it
            name = _unicode_path(info.extra, plain) or self._decode(plain)
        return name.replace("\\", "/")  # as older .NET wrote them; not before: GBK has that byte

    def of_tar(self, member: tarfile.TarInfo) -> str:
        """Return a member's name; raises as `of_zip`."""
        return self._decode(member.name.encode("utf-8", "surrogateescape"))

    def _decode(self, plain: bytes) -> str:
        try:
            return plain.decode(self._encoding or "utf-8")
        except UnicodeDecodeError as error:
            readings = ", ".join(f"{name} ({text})" for name, text in _readings(plain))
            raise DataError(
                f"{self._archive}: the name {plain!r} is not {self._encoding or 'UTF-8'}; say how "
                f'it is written, such as ARGS="--name_encoding gbk": {readings}'
            ) from error


def _unicode_path(extra: bytes, plain: bytes) -> str | None:
    for kind, content in _extra_fields(extra):
        is_of_name = content[1:5] == struct.pack("<L", zlib.crc32(plain))
        if kind == _UNICODE_PATH and content[:1] == b"\1" and is_of_name:
            return content[5:].decode()
    return None


def _extra_fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while len(extra) >= 4:  # noqa: PLR2004  two numbers of two bytes
        kind, size = struct.unpack_from("<HH", extra)
        yield kind, extra[4 : 4 + size]
        extra = extra[4 + size :]


def _readings(plain: bytes) -> Iterator[tuple[str, str]]:
    """Read a name in the usual encodings, as far as it makes sense in them."""
    for encoding in _USUAL:
        try:
            text = plain.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.isprintable():
            yield encoding, text
