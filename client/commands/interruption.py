"""Lets SIGTERM end a command as Ctrl-C does, so that what it has begun is undone.

A supervisor, a cancelled job or `kill` sends it; by itself it would end the process at once.
"""

from __future__ import annotations

import signal
import threading


def undo_on_sigterm() -> None:
    """Make SIGTERM raise KeyboardInterrupt in the main thread; elsewhere nothing can be done."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
