"""Locks on folders, between the processes of one machine; they end with the process at the latest.

    locked(folder)   for a `with` block: one process at a time, or several readers
    hold(folder)     for the life of this process: `remove_unused` leaves the folder alone

The lock is the kernel's (`flock`), so nothing that a killed process leaves has to be cleared away.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from storage.errors import InUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_held: list[int] = []  # open folders: the locks on them end with the process
logger = logging.getLogger(__name__)


@contextlib.contextmanager
def locked(folder: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock on a folder, which is made (mode 0700) if it is not there.

    Args:
        folder: The folder; what is in it can be read and written without the lock.
        shared: With others that share it, instead of alone.
        wait: Until those who hold it let go; the log then names them.

    Raises:
        InUse: Another process holds it, and `wait` is false.
        OSError: The folder can neither be opened nor made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise InUse(f"{folder} is in use by {holder_of(folder)}") from error
            logger.info("waiting for %s, which uses %s", holder_of(folder), folder)
            fcntl.flock(descriptor, kind)
        yield
    finally:
        os.close(descriptor)  # which unlocks it


def holder_of(folder: Path) -> str:
    """Name the process that holds a folder's lock: its id, command, start; for messages only."""
    number = f":{folder.stat().st_ino}"
    with contextlib.suppress(OSError):  # only Linux has this list
        for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
            # 1: FLOCK  ADVISORY  WRITE 1234 fe:00:2155519 0 EOF
            # The device is not always the one that stat(2) tells: not on btrfs and overlays.
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].endswith(number):
                return _told(fields[4])
    return "another process"


def _told(pid: str) -> str:
    with contextlib.suppress(OSError, ValueError, IndexError):
        arguments = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace").split("\0")
        words = [Path(arguments[0]).name, *arguments[1:]]
        ticks = int(
            Path("/proc", pid, "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
        )
        uptime_s = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        since = time.time() - uptime_s + ticks / os.sysconf("SC_CLK_TCK")
        at = time.strftime("%H:%M:%S", time.localtime(since))
        return f"process {pid} ({' '.join(words).strip()}), which started at {at}"
    return f"process {pid}"


def hold(folder: Path) -> None:
    """Keep `remove_unused` and other processes from removing a folder while this one lives."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    _held.append(descriptor)


def is_free(folder: Path) -> bool:
    """Tell whether no living process holds a folder."""
    try:
        with locked(folder, wait=False):
            return True
    except InUse:
        return False


def remove_unused(folders: Iterable[Path]) -> None:
    """Remove folders that no living process holds."""
    for folder in folders:
        if is_free(folder):
            shutil.rmtree(folder, ignore_errors=True)
