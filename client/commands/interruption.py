"""Makes SIGTERM end a command as Ctrl-C does, so that it undoes what it has begun.

Supervisors, cancelled jobs and `kill` send it; by default it would end the process at once.
"""

from __future__ import annotations

import signal
import threading


def undo_on_sigterm() -> None:
    """Make SIGTERM raise KeyboardInterrupt; has no effect outside the main thread."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
