"""How far a command is: a bar on a terminal, a line now and then in a log; on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_BETWEEN_LINES_S = 10.0
_WIDTH = 24


class Progress:
    """Counts steps, and shows them; a context manager that leaves the terminal clean.

    Args:
        total: How many steps there are; 0 shows nothing.
        done: What has been done with a step: "classified".
    """

    def __init__(self, total: int, done: str) -> None:
        self._total, self._done, self._count = total, done, 0
        self._terminal = sys.stderr.isatty()
        self._told = self._start = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def above(self, show: Callable[[], None]) -> None:
        """Print something above the bar."""
        self._clear()
        show()

    def step(self) -> None:
        """Count a step."""
        self._count += 1
        now = time.monotonic()
        if not self._total or (not self._terminal and now < self._told + _BETWEEN_LINES_S):
            return
        self._told = now
        left_s = (now - self._start) / self._count * (self._total - self._count)
        text = f"{self._count} of {self._total} {self._done}, {left_s:.0f} s left"
        if self._terminal:
            filled = _WIDTH * self._count // self._total
            sys.stderr.write(f"\r[{'#' * filled:<{_WIDTH}}] {text}\033[K")
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._total and self._terminal:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
