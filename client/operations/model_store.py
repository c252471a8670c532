"""The folder that a server takes its archives from, where it is on this machine.

Not responsible for what is in an archive: whoever builds one verifies it, and leaves a stamp with
its SHA-256 beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import zipfile
from copy import copy
from pathlib import Path

from client.errors import ArchiveRefused, LocalFileError

_CONFIG_NAME = "config.properties"
_STORE = re.compile(r"^model_store=(.+)$", re.MULTILINE)
_MANIFEST, _SUMS = "MAR-INF/MANIFEST.json", "MAR-INF/SHA256SUMS"


def find_model_store(run_dir: Path | None) -> Path | None:
    """Return the model store of the server that works in `run_dir`; None if that is not known."""
    try:
        text = (run_dir / _CONFIG_NAME).read_text(encoding="utf-8") if run_dir else ""
    except OSError:
        return None
    found = _STORE.findall(text)
    return Path(found[-1]) if found else None  # the later value of a name counts


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal.

    Raises:
        LocalFileError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LocalFileError(f"cannot read {path}: {error.strerror}") from error


def check_stamp(mar: Path) -> None:
    """Hold an archive against the stamp that says that it was verified.

    Raises:
        ArchiveRefused: There is no such archive, it was not verified, or has changed since.
    """
    if not mar.is_file():
        raise ArchiveRefused(f"{mar}: there is no such archive")
    if not is_verified(mar):
        raise ArchiveRefused(
            f"{mar}: not verified, or changed since; "
            f"`python -m archive verify {mar} --stamp {stamp_of(mar)}` does it"
        )


def is_verified(mar: Path) -> bool:
    """Whether the stamp of an archive has the hash that the archive has now."""
    stamp = stamp_of(mar)
    return stamp.is_file() and stamp.read_text(encoding="utf-8").split()[:1] == [sha256_of(mar)]


def stamp_of(mar: Path) -> Path:
    """Return the file beside an archive that `python -m archive verify` leaves."""
    return mar.with_name(mar.name + ".sha256")


def copy_as_version(mar: Path, version: str, output: Path) -> None:
    """Write the same archive under another version: only its manifest differs, and its hash.

    Raises:
        LocalFileError: It cannot be read or written.
    """
    try:
        with zipfile.ZipFile(mar) as source, zipfile.ZipFile(output, "w") as target:
            old = source.read(_MANIFEST)
            manifest = json.loads(old)
            manifest["model"]["modelVersion"] = version
            new = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
            for info in source.infolist():
                entry = copy(info)  # writing changes it
                if info.filename == _MANIFEST:
                    target.writestr(entry, new)
                elif info.filename == _SUMS:
                    target.writestr(entry, source.read(info).replace(_hash(old), _hash(new)))
                else:
                    with source.open(info) as member, target.open(entry, "w") as written:
                        shutil.copyfileobj(member, written)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        with contextlib.suppress(OSError):
            output.unlink()
        raise LocalFileError(f"cannot copy {mar} to {output}: {error}") from error


def _hash(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
