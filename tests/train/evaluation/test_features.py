"""Features of drawn photos whose values are known."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from train.evaluation.features import FEATURES, measure


def features_of(image: Image.Image) -> dict[str, float]:
    return dict(zip(FEATURES, measure(image), strict=True))


def test_a_plain_grey_photo() -> None:
    features = features_of(Image.new("RGB", (40, 30), (100, 100, 100)))
    assert features == {
        "resolution": 1200.0,
        "aspect_ratio": 0.75,
        "brightness": 100.0,
        "saturation": 0.0,
        "clarity": 0.0,
        "colourfulness": 0.0,
    }


def test_pure_red() -> None:
    features = features_of(Image.new("RGB", (10, 20), (255, 0, 0)))
    assert features["aspect_ratio"] == 2.0
    assert features["brightness"] == 76.0  # 0.299 * 255
    assert features["saturation"] == 1.0
    # No spread; the means are 255 (red - green) and 127.5 (yellow - blue).
    assert features["colourfulness"] == pytest.approx(0.3 * np.hypot(255, 127.5))


def test_clarity_is_the_variance_of_the_laplacian() -> None:
    photo = np.zeros((5, 5), dtype=np.uint8)
    photo[2, 2] = 100
    # -400 in the middle, 100 in its four neighbours, 0 elsewhere: the mean is 0.
    assert features_of(Image.fromarray(photo))["clarity"] == (400**2 + 4 * 100**2) / 25


def test_colourfulness_of_two_halves() -> None:
    photo = np.zeros((2, 4, 3), dtype=np.uint8)
    photo[:, :2, 0] = photo[:, 2:, 1] = 200  # red and green: 200 and -200, yellow 100 in both
    expected = np.hypot(200, 0) + 0.3 * np.hypot(0, 100)
    assert features_of(Image.fromarray(photo))["colourfulness"] == pytest.approx(expected)


def test_a_photo_is_measured_upright() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (40, 20)).save(buffer, format="JPEG", exif=exif)
    assert features_of(Image.open(buffer))["aspect_ratio"] == 2.0


def test_a_large_photo_counts_with_its_own_size() -> None:
    random = np.random.default_rng(0)
    photo = Image.fromarray(random.integers(0, 255, (900, 1200, 3), dtype=np.uint8))
    features = features_of(photo)
    assert features["resolution"] == 1_080_000
    # Noise that the network would not see is no clarity.
    assert features["clarity"] < features_of(photo.crop((0, 0, 500, 400)))["clarity"] / 2


def test_a_photo_in_another_mode() -> None:
    assert features_of(Image.new("L", (8, 8), 200))["brightness"] == 200
    assert features_of(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))["brightness"] == 255  # on white
