"""What a command tells while it works: its log, on stderr, where bars are too."""

from __future__ import annotations

import logging
import sys


def show_log(level: int = logging.INFO, *, times: bool = False) -> None:
    """Print what is logged, a line each, with the time of day before it if `times`.

    Args:
        level: The least important messages that are shown.
        times: For what takes minutes.
    """
    text = "%(asctime)s %(message)s" if times else "%(message)s"
    logging.basicConfig(level=level, format=text, datefmt="%H:%M:%S", stream=sys.stderr)
