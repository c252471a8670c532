"""Numbers on the command line: each reader refuses what no command could use; for `type=`.

`client.commands.arguments` has those of the client, which stands alone.
"""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """Read a whole number from 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return value


def seconds(text: str) -> float:
    """Read a time from 0 s."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, such as 30, not {text!r}")
    return value


def fraction(text: str) -> float:
    """Read a number between 0 and 1, neither of them."""
    value = _number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, not {text!r}")
    return value


def _number(text: str) -> float:
    """Read a number; what is none becomes NaN, which no range holds."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
