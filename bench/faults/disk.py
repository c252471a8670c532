"""A small file system in memory for a server's run folder, to be filled to the last byte."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bench.lab.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK = 2**16


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """Mount a file system of the given size, in megabytes, on a folder.

    Raises:
        Unusable: The user may not mount.
    """
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if not mount or not umount:
        raise Unusable("the program mount is missing; filling a disk needs it")
    folder.mkdir(parents=True, exist_ok=True)
    command = [mount, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if process.returncode:
        raise Unusable(f"cannot mount a disk to fill, which needs root: {process.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)  # noqa: S603


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill a folder's file system; remove what was written at the end."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                # Down to the last byte: the last write is cut short, the next one fails.
                file.write(bytes(_CHUNK))
        yield
    finally:
        filler.unlink()
