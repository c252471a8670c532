"""The archives that a server takes, and how others get among them, where it is on this machine.

A server started by `make serve` has a folder of its own for archives, in its run folder, and knows
no other place. Only copies get there that were held against the stamp of `archive verify`: so what
is served is what was hashed, whatever becomes of the file that it was copied from.

`python -m archive verify` checks an archive and leaves a stamp with its SHA-256 beside it; this
module only compares the two.
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
from client.run_record import read_archives_folder

CONFIG_NAME = "config.properties"
_STORE = re.compile(r"^model_store=(.+)$", re.MULTILINE)
# As in `archive.members`, which the client does without.
_MANIFEST, _SUMS = "MAR-INF/MANIFEST.json", "MAR-INF/SHA256SUMS"


def find_model_store(run_dir: Path | None) -> Path | None:
    """Return the model store of the server of `run_dir`; None if it is unknown."""
    try:
        text = (run_dir / CONFIG_NAME).read_text(encoding="utf-8") if run_dir else ""
    except OSError:
        return None
    found = _STORE.findall(text)
    return Path(found[-1]) if found else None  # the last value of a name counts


def bring_in(run_dir: Path | None, name: str, expected: str | None = None) -> str | None:
    """Copy an archive to where the server of a run folder takes it from.

    Args:
        run_dir: The server's working directory; None for a server elsewhere.
        name: Of a file in the folder from which the server's first archive came.
        expected: Its SHA-256, where only one archive will do; a copy that is there already is good.

    Returns:
        Its SHA-256, hexadecimal; None where the server's archives are not on this machine.

    Raises:
        ArchiveRefused: There is no such archive, it was not verified, or it is another one.
        LocalFileError: It cannot be copied.
    """
    store = find_model_store(run_dir)
    if store is None or run_dir is None:
        return None
    if Path(name).name != name:
        raise ArchiveRefused(f"{name}: expected the name of a file in the model store")
    if expected and (store / name).is_file() and sha256_of(store / name) == expected:
        return expected
    mar = (read_archives_folder(run_dir) or store) / name
    return copy_verified(mar, store, expected)


def copy_verified(mar: Path, store: Path, expected: str | None = None) -> str:
    """Copy an archive, and hold the copy against the stamp; arguments and errors as `bring_in`."""
    if not mar.is_file():
        raise ArchiveRefused(f"{mar}: there is no such archive")
    if mar.parent.resolve() == store.resolve():
        return _check(mar, mar, expected)
    copied = store / f".{mar.name}"  # no name that a server would be given
    try:
        shutil.copyfile(mar, copied)
        found = _check(mar, copied, expected)
        copied.replace(store / mar.name)
    except OSError as error:
        raise LocalFileError(f"cannot copy {mar} to {store}: {error.strerror}") from error
    finally:
        copied.unlink(missing_ok=True)
    return found


def _check(mar: Path, copied: Path, expected: str | None) -> str:
    found = sha256_of(copied)
    if found != _stamped(mar):
        raise ArchiveRefused(
            f"{mar}: not verified, or changed since; "
            f"run `python -m archive verify {mar} --stamp {stamp_of(mar)}`"
        )
    if expected not in {None, found}:
        raise ArchiveRefused(f"{mar} is no longer the archive that was in service")
    return found


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
    """Check an archive against the stamp of its verification.

    Raises:
        ArchiveRefused: There is no such archive, it was not verified, or has changed since.
    """
    if not mar.is_file():
        raise ArchiveRefused(f"{mar}: there is no such archive")
    _check(mar, mar, None)


def is_verified(mar: Path) -> bool:
    """Whether an archive's stamp has the archive's current hash."""
    return _stamped(mar) == sha256_of(mar)


def _stamped(mar: Path) -> str | None:
    """Return the hash in the stamp of an archive; None without a stamp."""
    try:
        return stamp_of(mar).read_text(encoding="utf-8").partition(" ")[0].strip()
    except (OSError, UnicodeDecodeError):
        return None


def stamp_of(mar: Path) -> Path:
    """Return the stamp that `python -m archive verify` leaves beside an archive."""
    return mar.with_name(mar.name + ".sha256")


def copy_as_version(mar: Path, version: str, output: Path) -> None:
    """Write a copy of an archive with another version: only its manifest and hash differ.

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
