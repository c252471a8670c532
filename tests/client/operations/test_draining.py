"""When a version that gets no new requests has answered all it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.operations.draining import DrainWatch, Look, wait_until_drained
from tests.client.fake_models import WORK_S, FakeModels, write_archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TIMEOUT_S = 30.0


def look(at_s: float, processor_s: Mapping[int, float] | None, queued: int = 0) -> Look:
    return Look(queued, processor_s, TIMEOUT_S, at_s)


def test_a_second_without_computing_is_drained() -> None:
    watch = DrainWatch()

    assert not watch.is_drained(look(0.0, {7: 4.00}))
    assert not watch.is_drained(look(0.9, {7: 4.01}))
    assert watch.is_drained(look(1.0, {7: 4.01}))


@pytest.mark.parametrize(
    "second",
    [look(0.9, {7: 4.5}), look(0.9, {8: 4.0}), look(0.9, {7: 4.0, 8: 0.0}), look(0.9, {7: 4.0}, 1)],
)
def test_a_worker_that_computes_or_is_another_starts_the_second_anew(second: Look) -> None:
    watch = DrainWatch()
    watch.is_drained(look(0.0, {7: 4.0}))

    assert not watch.is_drained(second)
    assert not watch.is_drained(look(1.8, second.processor_s))


def test_where_nothing_can_be_read_the_response_timeout_decides() -> None:
    watch = DrainWatch()

    assert not watch.is_drained(look(0.0, None))
    assert not watch.is_drained(look(TIMEOUT_S, None))
    assert watch.is_drained(look(TIMEOUT_S + 0.1, None))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=60))
def test_a_version_that_computes_or_has_a_queue_is_not_drained(
    steps: list[tuple[bool, int]],
) -> None:
    """Law: drained means that for a second there was neither a queue nor any computing."""
    watch, processor_s, still_s = DrainWatch(), 0.0, 0.0
    for number, (computes, queued) in enumerate(steps):
        processor_s += 0.25 if computes else 0.0
        still_s = 0.0 if computes or queued else still_s + 0.25
        drained = watch.is_drained(look(0.25 * number, {7: processor_s}, queued))
        assert not drained or still_s >= 1.0


def drained(server: FakeModels, version: str, deadline_s: float = 60.0) -> bool:
    return wait_until_drained(
        server.management(),
        "flowers",
        version,
        deadline_s=deadline_s,
        processor_s=server.processor_s,
        clock=server.time,
    )


def test_the_wait_ends_with_the_last_request(tmp_path: Path) -> None:
    server = FakeModels(tmp_path)
    write_archive(tmp_path / "two.mar", "2.0")
    server.management().register("two.mar")
    server.management().set_default("flowers", "2.0")

    assert drained(server, "1.0")
    assert WORK_S + 1 <= server.time.now < WORK_S + 2


def test_a_version_that_is_asked_for_is_not_drained(tmp_path: Path) -> None:
    server = FakeModels(tmp_path)

    assert not drained(server, "1.0", deadline_s=5)
