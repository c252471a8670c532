"""Checks the members of a .mar, and that there is nothing else in it.

A .mar is a zip file. TorchServe unpacks whatever it contains, so names, sizes and hashes are
checked first. `MAR-INF/SHA256SUMS` has the format of `sha256sum --check`.

A zip file lists its contents twice: in a header before each member, which TorchServe uses as it
reads from the start, and in a directory at the end, which Python uses. Both must agree.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from archive.errors import VerifyError

SUMS = "MAR-INF/SHA256SUMS"
MANIFEST = "MAR-INF/MANIFEST.json"  # written by torch-model-archiver
MODEL_CONFIG = "model-config.yaml"  # its settings; TorchServe finds it through the manifest
MAX_MEMBERS = 1_000
MAX_TOTAL_BYTES = 2 * 2**30

# Before each member: flags, method, sizes, and the lengths of its name and of extra fields.
_HEADER = struct.Struct("<4s2xHH8xIIHH")
_UTF_8_NAME = 0x800  # the only flag that does not affect how the contents are read
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UNREADABLE = (
    *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def format_sums(contents: dict[str, bytes]) -> bytes:
    """Write the hash list of an archive's members."""
    lines = [f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in sorted(contents)]
    return "".join(lines).encode()


def unpack(mar: Path, folder: Path) -> None:
    """Check a .mar member by member, and unpack it into an empty folder.

    Raises:
        VerifyError: It is not a zip file, a member's name, kind, size or hash is wrong, members
            were added or removed, or some bytes belong to no member.
    """
    try:
        with zipfile.ZipFile(mar) as archive:
            _check_directory(mar, archive.infolist())
            _check_headers(mar, archive)
            contents = {info.filename: archive.read(info) for info in archive.infolist()}
    except _UNREADABLE as error:
        raise VerifyError(f"{mar}: cannot be read as a .mar: {error}") from error
    sums = contents.pop(SUMS, None)
    if sums is None:
        raise VerifyError(f"{mar}: has no {SUMS}; build it with `make archive`")
    expected, found = set(sums.splitlines()), set(format_sums(contents).splitlines())
    if expected != found:
        names = sorted(
            {line.split(b"  ", 1)[-1].decode(errors="replace") for line in expected ^ found}
        )
        raise VerifyError(f"{mar}: changed since it was sealed: {', '.join(names)}")
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _check_directory(mar: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [info.filename for info in members]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise VerifyError(f"{mar}: has {len(names)} members, too many or with duplicate names")
    total = sum(info.file_size for info in members)
    if total > MAX_TOTAL_BYTES:
        raise VerifyError(
            f"{mar}: unpacks to {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are allowed"
        )
    for info in members:
        name, path = info.filename, PurePosixPath(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        is_plain = str(path) == name and name.isprintable() and "\\" not in name
        if path.is_absolute() or ".." in path.parts or not is_plain:
            raise VerifyError(f"{mar}: refused member name {info.filename!r}")
        if kind not in (0, stat.S_IFREG):
            raise VerifyError(f"{mar}: {info.filename} is a link or device, not a file")


def _check_headers(mar: Path, archive: zipfile.ZipFile) -> None:
    """Check that the members follow each other without gaps, as listed in the directory."""
    place = 0
    with mar.open("rb") as file:
        for info in archive.infolist():
            file.seek(place)
            signature, flags, method, packed, size, name, extra = _HEADER.unpack(
                file.read(_HEADER.size)
            )
            found = (signature, flags & ~_UTF_8_NAME, method, packed, size)
            expected = (b"PK\3\4", 0, info.compress_type, info.compress_size, info.file_size)
            is_next = info.header_offset == place and info.compress_type in _METHODS
            if found != expected or not is_next:
                raise VerifyError(
                    f"{mar}: the header before {info.filename} contradicts the directory, or "
                    "something lies before it; build it with `make archive`"
                )
            place += _HEADER.size + name + extra + packed
    if place != archive.start_dir:
        raise VerifyError(f"{mar}: contains bytes that belong to no member")
