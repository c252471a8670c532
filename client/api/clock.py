"""Time, as waits see it: read, slept through, and spent on looks at what is waited for.

Not responsible for what is waited for, nor for the time of day.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """The machine's own; tests bring one that only sleeping moves."""

    def time(self) -> float:
        """Return monotonic time, in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait the given seconds."""
        time.sleep(seconds)

    def looks(self, deadline_s: float, pause_s: float) -> Iterator[None]:
        """Yield for each look at something: at once, and after each pause until the deadline.

        The last look comes when the deadline is over; at 0 there is one look.
        """
        end = self.time() + deadline_s
        yield
        while self.time() < end:
            self.sleep(pause_s)
            yield


MACHINE = Clock()
