"""Curves and calibration: cases computed by hand, and properties of thinning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.curves import calibrate, precision_recall, roc, thin

# One class against the other: scores 0.9 0.8 0.4 0.2, of which the first and third are positive.
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.2, 0.8]], dtype=np.float32)
LABELS = np.array([0, 1, 0, 1])


def test_roc_by_hand() -> None:
    first = roc(PROBABILITIES, LABELS)[0]
    # Of the four pairs of a positive and a negative, three are in the right order.
    assert first.area == 0.75
    assert first.points.tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]


def test_precision_and_recall_by_hand() -> None:
    first = precision_recall(PROBABILITIES, LABELS)[0]
    # Precision 1 up to a recall of 1/2, then 2/3.
    assert first.area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert first.points[0].tolist() == [0, 1]
    assert [1, pytest.approx(2 / 3)] in first.points.tolist()


def test_calibration_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.45, 0.55], [0.55, 0.45]], dtype=np.float32)
    calibration = calibrate(probabilities, np.array([0, 1, 1, 0]))
    filled = {round(one.low, 2): one for one in calibration.bins if one.photos}
    # 0.9 lies in 13/15..14/15 and is right once of two; 0.55 in 8/15..9/15, right both times.
    assert filled[0.87].accuracy == 0.5
    assert filled[0.87].confidence == pytest.approx(0.9)
    assert (filled[0.53].photos, filled[0.53].accuracy) == (2, 1.0)
    assert calibration.expected_error == pytest.approx(0.5 * 0.4 + 0.5 * 0.45)
    assert sum(one.photos for one in calibration.bins) == 4


def test_certainty_lies_in_the_last_bin() -> None:
    calibration = calibrate(np.array([[1.0, 0.0]], dtype=np.float32), np.array([0]))
    assert calibration.bins[-1].photos == 1
    assert calibration.expected_error == 0


@given(st.integers(1, 3000), st.integers(1, 500), st.integers(0, 2**32 - 1))
def test_thinning_keeps_the_curve(count: int, curves: int, seed: int) -> None:
    steps = np.random.default_rng(seed).random((count, 2)).cumsum(axis=0)
    points = steps / steps[-1]
    kept = thin(points, curves)
    assert len(kept) <= 200
    assert kept[0].tolist() == points[0].tolist()
    assert kept[-1].tolist() == points[-1].tolist()
    whole = {tuple(point) for point in points}
    assert all(tuple(point) in whole for point in kept)
    limit = min(200, max(20, 4000 // curves))
    gaps = np.abs(np.diff(kept, axis=0)).sum(axis=1)
    longest_step = np.abs(np.diff(points, axis=0)).sum(axis=1).max(initial=0)
    assert gaps.max(initial=0) <= 2 / (limit - 1) + longest_step + 1e-9


def test_many_classes_get_fewer_points_each() -> None:
    points = np.linspace(0, 1, 2000)[:, None].repeat(2, axis=1)
    assert [len(thin(points, curves)) for curves in (5, 40, 1000)] == [200, 100, 20]
