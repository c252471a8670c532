"""What the argument types accept and refuse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from console.arguments import count, fraction, seconds

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [(count, "1", 1), (seconds, "0", 0), (seconds, "2.5", 2.5), (fraction, "0.1", 0.1)],
)
def test_what_can_be_used_is_read(read: Callable[[str], float], text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize("text", ["", "some", "-1", "nan"])
@pytest.mark.parametrize("read", [count, seconds, fraction])
def test_what_is_no_such_number_is_refused(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=rf"expected .*not '{text}'"):
        read(text)


@pytest.mark.parametrize(
    ("read", "text"),
    [(count, "0"), (count, "1.5"), (seconds, "inf"), (fraction, "0"), (fraction, "1")],
)
def test_so_is_what_is_out_of_range(read: Callable[[str], float], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        read(text)
