"""How a command that must not stop half-way handles SIGTERM."""

from __future__ import annotations

import os
import signal

import pytest

from client.commands.interruption import undo_on_sigterm


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        undo_on_sigterm()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
