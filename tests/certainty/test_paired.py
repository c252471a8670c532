"""Two models on the same photos, by their counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from certainty.paired import Paired, pair_up


def test_photos_are_paired() -> None:
    first = np.array([True, True, True, False, False])
    second = np.array([True, False, False, True, False])
    assert pair_up(first, second) == Paired(1, 2, 1, 1)
    assert pair_up(first, second).accuracies == (0.6, 0.4)


def test_an_interval_of_newcombe_s_paper() -> None:
    # Newcombe 1998, Statistics in Medicine 17:2635, method 10 of 36, 12, 2, 0; the paper subtracts
    # the second from the first.
    low, high = Paired(both=36, only_first=12, only_second=2, neither=0).interval
    assert low == pytest.approx(-0.3404, abs=5e-5)
    assert high == pytest.approx(-0.0569, abs=5e-5)


def test_mcnemar_s_exact_test() -> None:
    assert Paired(100, 0, 6, 10).p_value == pytest.approx(2 * 0.5**6)
    assert Paired(100, 0, 0, 10).p_value == 1
    assert "this may be chance" in str(Paired(100, 2, 3, 10))
    assert "chance" not in str(Paired(100, 1, 20, 10))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_scipy_s_binomial_test(only_first: int, only_second: int) -> None:
    apart = only_first + only_second
    theirs = binomtest(only_second, apart).pvalue if apart else 1.0
    ours = Paired(10, only_first, only_second, 10).p_value
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-300)
