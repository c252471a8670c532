"""Polling: when checks happen, and when they stop."""

from __future__ import annotations

import pytest

from tests.client.fakes import FakeTime


@pytest.mark.parametrize(
    ("deadline_s", "looks_at"), [(0.0, [0.0]), (1.0, [0.0, 0.5, 1.0]), (1.2, [0.0, 0.5, 1.0, 1.5])]
)
def test_the_last_look_comes_when_the_deadline_is_over(
    deadline_s: float, looks_at: list[float]
) -> None:
    clock = FakeTime()
    assert [clock.now for _ in clock.looks(deadline_s, 0.5)] == looks_at


def test_nothing_is_slept_through_after_the_look_that_suffices() -> None:
    clock = FakeTime()
    for _ in clock.looks(60.0, 0.5):
        if clock.now >= 1.0:
            break
    assert clock.pauses == [0.5, 0.5]
