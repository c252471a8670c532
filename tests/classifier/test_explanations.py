"""The class activation map, as numbers and as a picture."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from classifier.explanations import explain, overlay_png
from classifier.model import Classification
from tests.models import CLASS_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray


def classification(features: NDArray[np.float32]) -> Classification:
    """A grey picture of 70 x 70 pixels in which the class at index 1 was found."""
    probabilities = np.array([0.25, 0.5, 0.25], np.float32)
    return Classification(probabilities, np.full((70, 70, 3), 100, np.uint8), features)


@pytest.fixture
def model() -> Any:
    """The members that an explanation needs: the second class looks for the first feature."""
    weights = np.array([[0, 0], [2, 0], [0, 1]], np.float32)
    return SimpleNamespace(
        class_names=CLASS_NAMES,
        class_weights=weights,
        rejects=lambda _: None,
        similarity=lambda _: None,
    )


@pytest.fixture
def spot() -> Classification:
    """Evidence at the top right only."""
    features = np.zeros((2, 7, 7), np.float32)
    features[0, 0, 6] = 3.14159
    features[1] = 9
    return classification(features)


def test_the_best_class_is_explained(spot: Classification, model: Any) -> None:
    explanation = explain(spot, model)
    assert explanation["label"] == CLASS_NAMES[1]
    assert explanation["probability"] == 0.5
    evidence = np.array(explanation["class_activation_map"])
    assert evidence.shape == (7, 7)
    assert evidence[0, 6] == 6.2832
    assert np.count_nonzero(evidence) == 1


def draw(answer: Classification, model: Any) -> bytes:
    return overlay_png(answer.pixels, answer.features, model.class_weights[1])


def test_the_overlay_is_a_png_of_the_size_that_the_network_saw(
    spot: Classification, model: Any
) -> None:
    with Image.open(io.BytesIO(draw(spot, model))) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert image.size == (70, 70)


def test_the_overlay_is_hot_where_the_evidence_is(spot: Classification, model: Any) -> None:
    with Image.open(io.BytesIO(draw(spot, model))) as image:
        overlay = np.asarray(image).astype(int)
    red, _, blue = overlay[2, 67]
    assert red > 150
    assert red > blue + 50
    np.testing.assert_array_equal(overlay[40:, :30], 100)  # no evidence: the picture itself


def test_a_map_without_any_difference_leaves_the_picture_as_it_is(model: Any) -> None:
    flat = classification(np.ones((2, 7, 7), np.float32))
    with Image.open(io.BytesIO(draw(flat, model))) as image:
        np.testing.assert_array_equal(np.asarray(image), 100)
