"""A step that takes long says what it is, in a log and on a terminal."""

from __future__ import annotations

import threading

import pytest

from console import progress


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_AFTER_S", "_ON_A_TERMINAL_S", "_IN_A_LOG_S"):
        monkeypatch.setattr(progress, name, 0.001)


class Told:
    """A stream that lets a step wait until it was told of."""

    def __init__(self, *, terminal: bool) -> None:
        self.text, self.something, self._terminal = "", threading.Event(), terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._terminal

    def write(self, text: str) -> int:
        """Keep the text."""
        self.text += text
        self.something.set()
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_done_is_told(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    told = Told(terminal=terminal)
    monkeypatch.setattr("sys.stderr", told)
    with progress.working("verifying a.mar"):
        assert told.something.wait(60)
    assert "verifying a.mar: 0 s" in told.text
    assert told.text.endswith("\r\033[K" if terminal else "\n")


def test_an_error_passes_and_ends_the_telling() -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match="broken"), progress.working("breaking"):
        raise ValueError("broken")
    assert threading.active_count() == before


def test_what_is_short_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_AFTER_S", 600.0)
    told = Told(terminal=True)
    monkeypatch.setattr("sys.stderr", told)
    with progress.working("a moment"):
        pass
    assert told.text == ""
