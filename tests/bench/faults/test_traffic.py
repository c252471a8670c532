"""The figures computed from clients' answers around a fault."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.faults.stage import Stage
from bench.faults.table import markdown
from bench.faults.traffic import Answer, Traffic
from bench.lab.errors import LoadFailed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    """Nobody asks; the answers are made up."""
    quiet = Traffic(Stage(tmp_path / "none.mar", tmp_path), [b""], {})
    quiet.mark()
    return quiet


def answer(traffic: Traffic, sent: float, done: float, outcome: str = "200") -> Answer:
    return Answer("plain", traffic.fault_s + sent, traffic.fault_s + done, outcome)


def test_all_is_well_from_the_first_good_answer_after_the_last_bad_one(traffic: Traffic) -> None:
    traffic.add(
        [
            answer(traffic, -1.0, -0.5, "503"),  # before the fault
            answer(traffic, -0.1, 1.0),  # under way at the fault: proves nothing
            answer(traffic, 0.5, 2.0),
            answer(traffic, 0.6, 4.0, "500"),
            answer(traffic, 2.0, 5.0),
            answer(traffic, 5.0, 6.0),
        ]
    )
    assert traffic.wait_until_well(2) == pytest.approx(5.0)
    assert traffic.outcomes("plain") == {"200": 4, "500": 1}
    assert traffic.outcomes("ours") == {}
    assert traffic.gap_s() == pytest.approx(3.0)  # from 2 to 5


def test_a_server_that_stays_broken_is_an_error(traffic: Traffic) -> None:
    traffic.add([answer(traffic, 0.1, 0.2), answer(traffic, 0.3, 0.4, "503")])
    with pytest.raises(LoadFailed, match="'503': 1"):
        traffic.wait_until_well(1, timeout_s=0.0)


def test_waiting_ends_when_the_answers_come(traffic: Traffic) -> None:
    now = time.monotonic() - traffic.fault_s
    traffic.add([answer(traffic, now + 0.1, now + 0.2)] * 3)
    assert traffic.wait_until_well(3) == pytest.approx(now + 0.2)


def test_the_table_tells_failures_and_what_is_left() -> None:
    result = {
        "title": "kill -9 of the worker",
        "rate": 50.2,
        "plain": {"200": 98, "500": 2},
        "ours": {"200": 10},
        "patient": {"200": 9, "no answer": 1},
        "gap_s": 1.23,
        "recovered_s": 4.56,
        "left": ["tmp/socket"],
        "left_after_stop": [],
    }
    text = markdown(
        {
            "date": "2026-01-01",
            "revision": "abc",
            "machine": {"cores": 2, "cpu": "Example CPU"},
            "clients": {"plain": 16, "ours": 2, "patient": 2},
            "results": {"worker-killed": result},
            "left_out": {"disk-full": "no root"},
        }
    )
    row = (
        "| kill -9 of the worker | 98 x 200, 2 x 500 | 0 of 10 | 1 of 10: 1 x no answer "
        "| 1.2 | 4.6 | tmp/socket |"
    )
    assert row in text
    assert "Left out here, `disk-full`: no root." in text
