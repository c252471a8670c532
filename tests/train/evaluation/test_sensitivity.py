"""Buckets of features: by hand, against scikit-learn, and with planted influences."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from train.evaluation.sensitivity import bucket, bucket_f1, examine


def test_buckets_hold_equally_many() -> None:
    values = np.random.default_rng(0).permutation(25).astype(float)
    assert bucket(values).tolist() == (values // 5).tolist()


def test_equal_values_share_a_bucket() -> None:
    assert set(bucket(np.full(50, 7.0))) == {2}
    values = np.array([1.0] * 30 + [2.0] * 70)
    assert [len(set(bucket(values)[part])) for part in (slice(30), slice(30, None))] == [1, 1]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_a_bucket_never_holds_smaller_values_than_the_one_before(values: list[int]) -> None:
    array = np.array(values, dtype=float)
    buckets = bucket(array)
    assert set(buckets) <= set(range(5))
    order = np.argsort(array, kind="stable")
    assert (np.diff(buckets[order]) >= 0).all()


def test_by_hand() -> None:
    labels = np.array([0, 1] * 5)
    predicted = labels.copy()
    predicted[0] = 1  # in the lowest bucket, the photo of class 0 is taken for class 1
    found = examine(np.arange(10.0), predicted, labels, 2)
    assert found.f1 == ((0.0, 2 / 3), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0))
    # Population standard deviation of 0 1 1 1 1: the mean is 0.8, the variance 0.16.
    assert found.deviation[0] == pytest.approx(0.4)
    assert found.deviation[1] == pytest.approx(np.std([2 / 3, 1, 1, 1, 1]))
    assert found.ranges[0] == (0.0, 1.0)
    assert found.photos == (2, 2, 2, 2, 2)
    assert found.most_affected == 0


def test_a_class_without_photos_in_a_bucket_has_no_f1_there() -> None:
    labels = np.array([0] * 5 + [1] * 5)
    found = examine(np.arange(10.0), labels, labels, 2)
    assert [row[1] for row in found.f1] == [None, None, 1.0, 1.0, 1.0]
    assert found.deviation == (0.0, 0.0)
    one_bucket = examine(np.zeros(10), labels, labels, 2)
    assert one_bucket.ranges == (None, None, (0.0, 0.0), None, None)
    assert one_bucket.influence == "chance"


@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(2, 5))
def test_as_scikit_learn_computes_it(seed: int, count: int, num_classes: int) -> None:
    random = np.random.default_rng(seed)
    buckets = random.integers(0, 5, count)
    labels, predicted = random.integers(0, num_classes, (2, count))
    f1 = bucket_f1(buckets, predicted, labels, num_classes)
    for number in range(5):
        inside = buckets == number
        if not inside.any():  # scikit-learn refuses to measure nothing
            assert np.isnan(f1[number]).all()
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about classes without photos
            expected = f1_score(
                labels[inside], predicted[inside], labels=range(num_classes), average=None
            )
        there = np.bincount(labels[inside], minlength=num_classes) > 0
        np.testing.assert_allclose(f1[number][there], expected[there])
        assert np.isnan(f1[number][~there]).all()


@pytest.mark.parametrize(
    ("wrong_in_the_dark", "influence"), [(0.1, "chance"), (0.3, "medium"), (0.7, "large")]
)
def test_a_planted_influence_is_found(wrong_in_the_dark: float, influence: str) -> None:
    random = np.random.default_rng(1)
    labels = np.arange(1000) % 2
    brightness = random.random(1000)
    wrong = random.random(1000) < np.where(brightness < 0.2, wrong_in_the_dark, 0.1)
    found = examine(brightness, np.where(wrong, 1 - labels, labels), labels, 2)
    assert found.influence == influence


def test_chance_is_rarely_taken_for_influence() -> None:
    verdicts = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        labels = np.arange(200) % 4
        predicted = np.where(random.random(200) < 0.2, random.integers(0, 4, 200), labels)
        verdicts.append(examine(random.random(200), predicted, labels, 4).influence)
    assert verdicts.count("chance") >= 38
