"""Running a command: its output, or an error with its last output."""

from __future__ import annotations

import sys

import pytest

from bench.lab.commands import output_of
from bench.lab.errors import LoadFailed


def test_what_a_command_prints_comes_back() -> None:
    command = [sys.executable, "-c", "print(input()[::-1])"]
    assert output_of(command, "it failed", given="abc", timeout_s=60) == "cba\n"


def test_a_command_that_fails_says_why() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no memory')"]
    with pytest.raises(LoadFailed, match=r"^it failed: no memory$"):
        output_of(command, "it failed", LoadFailed, timeout_s=60)
