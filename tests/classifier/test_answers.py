"""Logits become probabilities, rankings and class activation maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifier.answers import class_activation_map, rank, softmax
from classifier.parts import head_of
from classifier.reference import REFERENCE_NAMES, draw_png
from tests.models import infer_eagerly, pixels_of, tiny_network

logits_of_5 = arrays(np.float32, (3, 5), elements=st.floats(-1e4, 1e4, width=32))


@given(logits_of_5)
def test_probabilities_sum_to_1(logits: np.ndarray) -> None:
    probabilities = softmax(logits)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == logits.shape
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@given(logits_of_5)
def test_the_order_of_the_logits_is_kept(logits: np.ndarray) -> None:
    for row, probabilities in zip(logits, softmax(logits), strict=True):
        assert probabilities[row.argmax()] == probabilities.max()
        assert (np.diff(probabilities[np.argsort(row, kind="stable")]) >= 0).all()


def test_softmax_has_its_known_values() -> None:
    logits = np.log(np.array([[1, 2, 5]], dtype=np.float32))
    np.testing.assert_allclose(softmax(logits), [[0.125, 0.25, 0.625]], rtol=1e-6)
    np.testing.assert_allclose(softmax(logits + 1000), [[0.125, 0.25, 0.625]], rtol=1e-3)


def test_a_ranking_is_best_first() -> None:
    ranking = rank(np.array([0.2, 0.5, 0.3], np.float32), ("daisy", "roses", "tulips"))
    assert [name for name, _ in ranking] == ["roses", "tulips", "daisy"]
    assert [type(probability) for _, probability in ranking] == [float] * 3


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (4, 3), (None, 3)])
def test_a_ranking_has_at_most_top_k_classes(top_k: int | None, count: int) -> None:
    assert len(rank(np.array([0.2, 0.5, 0.3], np.float32), ("a", "b", "c"), top_k)) == count


def test_among_equals_the_lower_index_comes_first() -> None:
    ranking = rank(np.array([0.1, 0.3, 0.3, 0.3], np.float32), ("z", "d", "c", "b"), 2)
    assert [name for name, _ in ranking] == ["d", "c"]
    many = [f"class {index}" for index in range(100)]  # short arrays are always sorted stably
    ranking = rank(np.tile(np.array([0.005, 0.015], np.float32), 50), many)
    assert [name for name, _ in ranking] == [*many[1::2], *many[::2]]


def test_the_mean_of_an_activation_map_and_the_bias_are_the_logit() -> None:
    network = tiny_network()
    weights = head_of(network).weight.detach().numpy()
    pixels = np.stack([pixels_of(draw_png(name)) for name in REFERENCE_NAMES])
    logits, features = infer_eagerly(network, pixels)
    for index, feature_map in enumerate(features):
        maps = np.stack([class_activation_map(feature_map, row) for row in weights])
        assert maps.shape == (3, 7, 7)
        evidence = maps.mean(axis=(1, 2)) + head_of(network).bias.detach().numpy()
        np.testing.assert_allclose(evidence, logits[index], atol=1e-4)


def test_an_activation_map_shows_where_the_evidence_is() -> None:
    features = np.zeros((2, 3, 4), np.float32)
    features[0, 1, 2], features[1, 0, 0] = 5, 7
    activation_map = class_activation_map(features, np.array([2, -1], np.float32))
    expected = np.zeros((3, 4))
    expected[1, 2], expected[0, 0] = 10, -7
    np.testing.assert_array_equal(activation_map, expected)
