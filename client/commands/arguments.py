"""Parsers for numbers on the command line; each refuses values that no command could use.

`console.arguments` has those of the other packages, which the client does without.
"""

from __future__ import annotations

import argparse

from client.api.addresses import LARGEST_PORT, LEAST_PORT


def count(text: str) -> int:
    """Read a whole number from 1."""
    return _integer(text, least=1)


def whole(text: str) -> int:
    """Read a whole number from 0."""
    return _integer(text, least=0)


def port(text: str) -> int:
    """Read the first of a server's ports."""
    return _integer(text, LEAST_PORT, LARGEST_PORT)


def single_port(text: str) -> int:
    """Read a port to listen on."""
    return _integer(text, LEAST_PORT, 65535)


def _integer(text: str, least: int, most: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        bounds = f"from {least}" if most is None else f"from {least} to {most}"
        raise argparse.ArgumentTypeError(f"expected a whole number {bounds}, not {text!r}")
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
