"""How a command ends: with an exit code, and one clear line instead of a traceback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def exit_code_of(
    command: Callable[[], object], *expected: type[Exception], after_interrupt: str = ""
) -> int:
    """Run a command to its exit code: 0, 1 after ``error: ...``, or 130 after Ctrl-C.

    Args:
        command: What to do.
        expected: The errors that it raises on purpose, besides `OSError`. Any other is a bug, and
            keeps its traceback.
        after_interrupt: What to say about the state that Ctrl-C leaves.
    """
    told: tuple[type[Exception], ...] = (*expected, OSError)
    try:
        command()
    except told as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted{after_interrupt}", file=sys.stderr)
        return _INTERRUPTED
    return 0
