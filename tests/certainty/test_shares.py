"""The interval of a share: the textbook's, scipy's, and what must hold of any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from certainty.shares import wilson_interval


def test_wilson_as_in_the_textbook() -> None:
    low, high = wilson_interval(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)


@given(st.data())
def test_wilson_surrounds_the_share_and_shrinks_with_more_photos(data: st.DataObject) -> None:
    images = data.draw(st.integers(1, 10_000))
    right = data.draw(st.integers(0, images))
    low, high = wilson_interval(right, images)
    assert 0 <= low <= right / images <= high <= 1
    more_low, more_high = wilson_interval(10 * right, 10 * images)
    assert more_high - more_low < high - low


@given(st.data())
def test_wilson_is_scipy_s(data: st.DataObject) -> None:
    images = data.draw(st.integers(1, 10_000))
    right = data.draw(st.integers(0, images))
    theirs = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, images) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
