"""How a command ends: its exit code, and what it says on stderr."""

from __future__ import annotations

import pytest

from console.ending import exit_code_of


class Expected(Exception):
    """What the command raises on purpose."""


def raising(error: BaseException) -> object:
    raise error


def test_a_command_that_returns_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(lambda: "what it returns", Expected) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [Expected("no photos"), OSError("no photos")])
def test_an_expected_error_is_one_line(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_of(lambda: raising(error), Expected) == 1
    assert capsys.readouterr() == ("", "error: no photos\n")


def test_ctrl_c_tells_what_it_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    stop = KeyboardInterrupt()
    assert exit_code_of(lambda: raising(stop), after_interrupt="; go on with --resume") == 130
    assert capsys.readouterr() == ("", "interrupted; go on with --resume\n")


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code_of(lambda: 1 // 0, Expected)
