"""What a command tells while it works: its log, and how long a step takes; all on stderr."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_AFTER_S = 2.0  # a step that is done by then is told of by its result alone
_ON_A_TERMINAL_S, _IN_A_LOG_S = 1.0, 15.0


def show_log(level: int = logging.INFO, *, times: bool = False) -> None:
    """Print what is logged, a line each, with the time of day before it if `times`.

    Args:
        level: The least important messages that are shown.
        times: For what takes minutes.
    """
    text = "%(asctime)s %(message)s" if times else "%(message)s"
    logging.basicConfig(level=level, format=text, datefmt="%H:%M:%S", stream=sys.stderr)


@contextmanager
def working(on: str) -> Iterator[None]:
    """Say what takes long, and for how long already, while a `with` block runs.

    A terminal shows one line that counts the seconds and goes; a log gets a line now and then.

    Args:
        on: What is done, such as "verifying model-store/flowers.mar".
    """
    done, terminal = threading.Event(), sys.stderr.isatty()
    teller = threading.Thread(target=_tell, args=(on, done, terminal), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(on: str, done: threading.Event, terminal: bool) -> None:
    start, pause_s, told = time.monotonic(), _AFTER_S, False
    while not done.wait(pause_s):
        pause_s = _ON_A_TERMINAL_S if terminal else _IN_A_LOG_S
        before, after = ("\r", "\033[K") if terminal else ("", "\n")
        sys.stderr.write(f"{before}{on}: {time.monotonic() - start:.0f} s{after}")
        sys.stderr.flush()
        told = True
    if told and terminal:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
