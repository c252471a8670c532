"""How many workers there should be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.operations.autoscale_policy import Decision, Memory, Policy, Sample, decide

POLICY = Policy(min_workers=1, max_workers=4, target_queue_ms=50.0)
LATE, FAR_TOO_LATE = Sample(2, 100, 80.0, 3), Sample(2, 100, 500.0, 90)
CALM, FAIR, UNASKED = Sample(2, 100, 3.0, 0), Sample(2, 100, 40.0, 0), Sample(2, 0, None, 0)

policies = st.builds(
    lambda low, span, target, calm: Policy(low, low + span, target, calm_intervals=calm),
    st.integers(1, 4),
    st.integers(0, 6),
    st.floats(0.1, 1e4),
    st.integers(1, 9),
)
samples = st.builds(
    Sample,
    st.integers(0, 12),
    st.integers(0, 10**6),
    st.none() | st.floats(0, 1e7) | st.just(float("nan")),
    st.integers(0, 256),
)
memories = st.builds(Memory, st.integers(0, 200), st.sampled_from([1, 2, 4, 8, 16]), st.booleans())


def follow(*shown: Sample, memory: Memory | None = None) -> Decision:
    """Decide about one sample after the other; gives the last decision."""
    decision = Decision(0, "", memory or Memory())
    for sample in shown:
        decision = decide(POLICY, sample, decision.memory)
    return decision


@given(policies, samples, memories)
def test_the_bounds_hold_and_steps_down_are_single(
    policy: Policy, sample: Sample, memory: Memory
) -> None:
    """Law: the result is in bounds; from within them it falls by one, or at most doubles."""
    decision = decide(policy, sample, memory)

    assert policy.min_workers <= decision.workers <= policy.max_workers
    assert decision.reason
    if policy.min_workers <= sample.workers <= policy.max_workers:
        assert sample.workers - 1 <= decision.workers <= 2 * sample.workers


@given(policies, samples, memories)
def test_more_only_when_late_and_fewer_only_when_calm(
    policy: Policy, sample: Sample, memory: Memory
) -> None:
    sample = replace(
        sample, workers=min(max(sample.workers, policy.min_workers), policy.max_workers)
    )
    decision = decide(policy, sample, memory)

    queue_ms = sample.queue_ms if sample.queue_ms is not None else 0.0
    if decision.workers > sample.workers:
        assert not queue_ms <= policy.target_queue_ms or sample.waiting
    if decision.workers < sample.workers:
        assert queue_ms < policy.target_queue_ms / 2
        assert memory.calm + 1 >= policy.calm_intervals * memory.patience


@given(policies, samples, samples, memories)
def test_a_longer_wait_never_means_fewer_workers(
    policy: Policy, one: Sample, other: Sample, memory: Memory
) -> None:
    """Law: the number of workers grows with the time in the queue, all else being equal."""
    times = [queue_ms for queue_ms in (one.queue_ms, other.queue_ms) if queue_ms is not None]
    if len(times) == 2 and all(queue_ms == queue_ms for queue_ms in times):  # noqa: PLR0124
        short, long = (
            decide(policy, replace(one, queue_ms=queue_ms), memory) for queue_ms in sorted(times)
        )
        assert short.workers <= long.workers


def test_one_late_interval_adds_workers_and_far_too_late_doubles_them() -> None:
    assert follow(LATE).workers == 3
    assert follow(FAR_TOO_LATE).workers == 4
    assert "above the target of 50 ms" in follow(LATE).reason
    assert follow(replace(FAR_TOO_LATE, workers=3)).workers == 4
    assert follow(replace(LATE, workers=4)).workers == 4


def test_requests_that_wait_without_any_answer_add_workers() -> None:
    assert follow(replace(UNASKED, waiting=5)).workers == 4
    assert follow(UNASKED).workers == 2


@pytest.mark.parametrize("calm", [CALM, UNASKED])
def test_only_a_series_of_calm_intervals_takes_a_worker_away(calm: Sample) -> None:
    assert follow(*[calm] * 5).workers == 2
    assert follow(*[calm] * 6).workers == 1
    assert follow(*[calm] * 5, FAIR, calm).workers == 2
    assert follow(*[replace(calm, workers=1)] * 50).workers == 1


def test_taking_away_too_much_makes_it_wait_longer() -> None:
    shrunk = follow(*[CALM] * 6)
    grown = follow(replace(LATE, workers=1), memory=shrunk.memory)

    assert (shrunk.workers, grown.workers) == (1, 2)
    assert follow(*[CALM] * 6, memory=grown.memory).workers == 2
    assert follow(*[CALM] * 12, memory=grown.memory).workers == 1
