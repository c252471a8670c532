"""Copies new lines of log files to standard output, where `kubectl logs` and journald read them.

The files remain, for `make logs` and `server.diagnosis`.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class Followed:
    """A folder of log files, each of whose lines is copied once; use it in a `with` block.

    Args:
        folder: The folder; later files are followed too.
        output: Where to copy to, standard output by default.
    """

    def __init__(self, folder: Path, output: IO[bytes] | None = None) -> None:
        self._folder, self._output = folder, output or sys.stdout.buffer
        self._open: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.copy_news()
        for file in self._open.values():
            file.close()

    def copy_news(self) -> None:
        """Copy what is new since the last call; a rolled-over file is read to its end."""
        for path in sorted(self._folder.glob("*.log")):
            file = self._open.get(path.name)
            if file is not None and not _is_still(path, file):
                self._copy(file)
                file.close()
                file = None
            if file is None:
                try:
                    file = self._open[path.name] = path.open("rb")
                except OSError:  # just rolled over; the next call finds the new one
                    self._open.pop(path.name, None)
                    continue
            self._copy(file)
        self._output.flush()

    def _copy(self, file: IO[bytes]) -> None:
        while chunk := file.read(2**20):
            self._output.write(chunk)


def _is_still(path: Path, file: IO[bytes]) -> bool:
    """Whether the path still names the open file."""
    try:
        found = path.stat()
    except OSError:
        return False
    return found.st_ino == os.fstat(file.fileno()).st_ino and found.st_size >= file.tell()
