"""The clock that waits use: monotonic time, sleeping, and polling until a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """The machine's clock; tests pass one that advances only by sleeping."""

    def time(self) -> float:
        """Return monotonic time, in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait the given seconds."""
        time.sleep(seconds)

    def looks(self, deadline_s: float, pause_s: float) -> Iterator[None]:
        """Yield once per poll: immediately, and after each pause until the deadline.

        The last poll is at the deadline; with a deadline of 0 there is one poll.
        """
        end = self.time() + deadline_s
        yield
        while self.time() < end:
            self.sleep(pause_s)
            yield


MACHINE = Clock()
