"""Parsers for numbers on the command line; each refuses values that no command could use.

`console.arguments` has those of the other packages, which the client does without.
"""

from __future__ import annotations

import argparse

from client.api.addresses import LARGEST_PORT, PORT_COUNT


def count(text: str) -> int:
    """Read a whole number from 1."""
    return _integer(text, least=1)


def whole(text: str) -> int:
    """Read a whole number from 0."""
    return _integer(text, least=0)


def port(text: str) -> int:
    """Read the first of a server's ports."""
    port = _integer(text, least=1)
    if port > LARGEST_PORT:
        raise argparse.ArgumentTypeError(
            f"a server takes {PORT_COUNT} ports in a row, so the first is at most {LARGEST_PORT}"
        )
    return port


def _integer(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
    return value


def positive(text: str) -> float:
    """Read a number above 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, such as 30, not {text!r}")
    return value


def share(text: str) -> float:
    """Read a number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, not {text!r}")
    return value


def _number(text: str) -> float:
    """Read a number; anything else becomes NaN, which is in no range."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
