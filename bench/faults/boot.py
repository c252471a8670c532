"""The boot time that the kernel shows, moved for the server and its commands alone.

When a clock is set, the boot time in `/proc/stat` moves with it: what the kernel keeps is the time
since boot. psutil and `ps` add the two to tell when a process started. So the server's commands run
with a `/proc/stat` of their own (a mount namespace), which can be written to.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

_STAT = Path("/proc/stat")
_BOOT = re.compile(r"^btime (\d+)$", re.MULTILINE)
_SCRIPT = f'mount --bind "$0" {_STAT} && exec "$@"'


class BootTime:
    """The boot time, set by an offset.

    Args:
        folder: For the file in place of `/proc/stat`.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "stat"
        self._file.write_text(_STAT.read_text(encoding="ascii"), encoding="ascii")

    def command(self, command: Sequence[str]) -> list[str]:
        """Return a command that runs another one, as the same process, with this boot time."""
        return [_unshare(), "--mount", "sh", "-c", _SCRIPT, str(self._file), *command]

    def move(self, offset: timedelta) -> None:
        """Move it, for processes that run already, too."""
        text = _STAT.read_text(encoding="ascii")
        moved = _BOOT.sub(lambda m: f"btime {int(m[1]) + int(offset.total_seconds())}", text)
        self._file.write_text(moved, encoding="ascii")  # in place: the mount is of this very file


def why_not() -> str:
    """Return why the boot time cannot be moved here; "" if it can."""
    command = [_unshare(), "--mount", "sh", "-c", _SCRIPT, str(_STAT), "true"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return "no program unshare here: apt-get install util-linux"
    if process.returncode:
        return f"moving the boot time needs root: {process.stderr.strip()}"
    return ""


def _unshare() -> str:
    return shutil.which("unshare") or "unshare"
