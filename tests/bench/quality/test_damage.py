"""Each damage does to a photo what it should, and no more."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bench.quality.damage import (
    BLUR_PX,
    DAMAGES,
    blurred,
    brightened,
    darkened,
    recompressed,
    turned,
)

NOISE = np.random.default_rng(0).integers(0, 256, size=(120, 200, 3), dtype=np.uint8)
PHOTO = Image.fromarray(NOISE)


def pixels(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)), dtype=np.int64)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_photo_is_an_image_of_the_same_kind(name: str) -> None:
    image = Image.open(io.BytesIO(DAMAGES[name](PHOTO)))
    assert image.mode == "RGB"
    sizes = {"turned by 90 degrees": (120, 200), "thumbnail, 64 px": (107, 64)}
    assert image.size == sizes.get(name, (200, 120))


def test_brightness_is_multiplied_and_cut_off_at_white() -> None:
    assert np.abs(pixels(darkened(PHOTO)) - NOISE // 2).max() <= 1
    expected = np.minimum(NOISE.astype(np.int64) * 3 // 2, 255)
    assert np.abs(pixels(brightened(PHOTO)) - expected).max() <= 1


def test_a_turn_moves_pixels_only() -> None:
    assert (pixels(turned(PHOTO)) == np.rot90(NOISE)).all()


def test_blur_takes_away_detail() -> None:
    # The variance of white noise under a Gaussian of deviation s falls to 1 / (4 pi s^2).
    expected = NOISE.std() / np.sqrt(4 * np.pi * BLUR_PX**2)
    assert pixels(blurred(PHOTO))[20:-20, 20:-20].std() == pytest.approx(expected, rel=0.2)


def test_recompression_loses_something() -> None:
    file = recompressed(PHOTO)
    assert file.startswith(b"\xff\xd8")
    assert (pixels(file) != NOISE).any()
