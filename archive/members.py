"""What a .mar contains, and that it contains nothing else.

A .mar is a zip file. TorchServe unpacks whatever is in it; so names, sizes and hashes are checked
before it gets one. `MAR-INF/SHA256SUMS` has the form that `sha256sum --check` reads.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from pathlib import Path, PurePosixPath

from archive.errors import VerifyError

SUMS = "MAR-INF/SHA256SUMS"
MAX_MEMBERS = 1_000
MAX_TOTAL_BYTES = 2 * 2**30


def format_sums(contents: dict[str, bytes]) -> bytes:
    """Write the hash list of an archive's members."""
    lines = [f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in sorted(contents)]
    return "".join(lines).encode()


def unpack(mar: Path, folder: Path) -> None:
    """Check a .mar member by member, and unpack it into an empty folder.

    Raises:
        VerifyError: It is no zip file, a member's name, kind, size or hash is not as it should be,
            or members were added or taken away.
    """
    try:
        with zipfile.ZipFile(mar) as archive:
            _check_directory(mar, archive.infolist())
            contents = {info.filename: archive.read(info) for info in archive.infolist()}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
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
        raise VerifyError(f"{mar}: has {len(names)} members, some of the same name or too many")
    total = sum(info.file_size for info in members)
    if total > MAX_TOTAL_BYTES:
        raise VerifyError(
            f"{mar}: unpacks to {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are allowed"
        )
    for info in members:
        path = PurePosixPath(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or info.is_dir():
            raise VerifyError(f"{mar}: refused member name {info.filename!r}")
        if kind not in (0, stat.S_IFREG):
            raise VerifyError(f"{mar}: {info.filename} is a link or device, not a file")
