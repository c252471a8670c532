"""Measures a job's run time part by part: the whole job, not just the epochs."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER = "other"


class RunTime:
    """A stopwatch that starts with the job."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._parts: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a part; parts do not overlap."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._parts[name] = self._parts.get(name, 0.0) + time.monotonic() - started

    def parts_s(self) -> dict[str, float]:
        """Return the seconds of each part in order; the remaining time comes last."""
        total = time.monotonic() - self._started
        return {**self._parts, OTHER: max(total - sum(self._parts.values()), 0.0)}

    def sentence(self) -> str:
        """Return the total and its parts as a sentence."""
        parts = self.parts_s()
        each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in parts.items())
        return f"the job took {sum(parts.values()) / 60:.1f} minutes: {each}"
