"""The statistics that are reported for a run and its rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.lab.figures import Spread, percentile, spread

numbers = st.lists(st.floats(0, 1e6), min_size=1)


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_of_a_hundred_values(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_a_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3.0], 0.01) == 3.0
    assert percentile([3.0, 1.0], 0.5) == 1.0
    assert percentile([3.0, 1.0], 0.51) == 3.0


@given(numbers, st.floats(0, 1))
def test_at_least_the_share_does_not_exceed_the_percentile(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


@given(numbers)
def test_the_median_lies_within_the_spread(values: list[float]) -> None:
    found = spread(values)
    assert found.least <= found.median <= found.most


def test_spread() -> None:
    assert spread([3.0, 1.0, 2.0]) == Spread(median=2.0, least=1.0, most=3.0)


def test_nothing_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
    with pytest.raises(ValueError, match="no values"):
        spread([])
