"""A clock that can be set while the server runs, seen only by the server and its clients.

Debian's libfaketime makes Java read the time of day from a file; the monotonic clock, which
measures timeouts, runs on as it does when a real clock is set.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from server.java import find_java_home
from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without FORCE_MONOTONIC_FIX=0, Java's waits return too early. Python's `time.sleep` fails under it
# whatever is set, so only Java gets it, through a script in its place.
_SCRIPT = """#!/bin/sh
export LD_PRELOAD='{library}' FAKETIME_TIMESTAMP_FILE='{file}' FAKETIME_NO_CACHE=1
export FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0
exec '{java}' "$@"
"""


def find_library() -> Path | None:
    """Return the path of libfaketime; None if it is not installed."""
    return next(_candidates(), None)


def _candidates() -> Iterator[Path]:
    yield from Path("/usr/lib").glob("*/faketime/libfaketime.so.1")


class Clock:
    """The time of day, set by an offset.

    Args:
        folder: For the file with the offset, and the script for Java.
    """

    def __init__(self, folder: Path) -> None:
        self._file, self._home = folder / "clock", folder / "java"
        self.jump(timedelta())
        java = self._home / "bin" / "java"
        java.parent.mkdir(parents=True)
        java.write_text(
            _SCRIPT.format(
                library=find_library(), file=self._file, java=find_java_home() / "bin" / "java"
            )
        )
        java.chmod(0o700)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that put a server's front end on this clock."""
        return {"JAVA_HOME": str(self._home)}

    def jump(self, offset: timedelta) -> None:
        """Set the clock ahead of the machine's, or behind it."""
        self._offset = offset
        write_text(self._file, f"{offset.total_seconds():+.0f}\n")

    def now(self) -> datetime:
        """Return its time, for clients in this process."""
        return datetime.now(UTC) + self._offset
