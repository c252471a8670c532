"""Resizing and cropping are torchvision's, on a picture turned upright."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

from classifier.description import Preprocessing
from classifier.images import to_pixels
from tests.models import pixels_of
from tests.pictures import PICTURE, encode

ORIGINAL = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])
ORIENTATION = 0x0112
LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}}
Turn = Image.Transpose
# How a camera stores an upright picture under each EXIF orientation.
STORED = {
    2: Turn.FLIP_LEFT_RIGHT,
    3: Turn.ROTATE_180,
    4: Turn.FLIP_TOP_BOTTOM,
    5: Turn.TRANSPOSE,
    6: Turn.ROTATE_90,
    7: Turn.TRANSVERSE,
    8: Turn.ROTATE_270,
}


def noise(width: int, height: int) -> Image.Image:
    """Draw what is hardest to resize equally."""
    random = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))


def turned(image: Image.Image, orientation: int, form: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = image.transpose(STORED[orientation]) if orientation in STORED else image
    return encode(stored, form, exif=exif, **LOSSLESS[form])


def assert_within_one_level(pixels: np.ndarray, expected: np.ndarray) -> None:
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@settings(max_examples=60)
@given(st.integers(8, 700), st.integers(8, 700))
def test_pixels_are_those_of_the_original_transform(width: int, height: int) -> None:
    image = noise(width, height)
    assert_within_one_level(to_pixels(image, Preprocessing()), np.asarray(ORIGINAL(image)))


@pytest.mark.parametrize("size", [(256, 256), (1, 40), (40, 1), (256, 257), (301, 256), (256, 301)])
def test_pixels_are_those_of_the_original_transform_at_the_edges(size: tuple[int, int]) -> None:
    image = noise(*size)
    assert_within_one_level(to_pixels(image, Preprocessing()), np.asarray(ORIGINAL(image)))


@pytest.mark.parametrize(("resize", "crop"), [(256, 256), (64, 63), (232, 224), (1, 1)])
def test_other_sizes_are_those_of_the_original_transform(resize: int, crop: int) -> None:
    image = noise(317, 211)
    original = v2.Compose([v2.Resize(resize), v2.CenterCrop(crop)])
    pixels = to_pixels(image, Preprocessing(resize=resize, crop=crop))
    assert_within_one_level(pixels, np.asarray(original(image)))


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (1000, 1), (2, 3), (1, 40_000)])
def test_tiny_images_are_enlarged(size: tuple[int, int]) -> None:
    pixels = pixels_of(encode(Image.new("RGB", size, (10, 20, 30)), "PNG"))
    assert pixels.shape == (224, 224, 3)
    assert np.unique(pixels.reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]


@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(320, 288), (288, 320), (900, 300)])
def test_a_turned_photo_gives_the_pixels_of_the_upright_one(
    form: str, orientation: int, size: tuple[int, int]
) -> None:
    # All are resized to even margins (320 x 288 to 284 x 256), so every turn crops alike.
    image = noise(*size)
    assert_within_one_level(
        pixels_of(turned(image, orientation, form)), pixels_of(encode(image, "PNG"))
    )


def test_a_turned_jpeg_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = encode(PICTURE.transpose(STORED[6]), "JPEG", quality=95, subsampling=0, exif=exif)
    difference = pixels_of(stored).astype(float) - pixels_of(encode(PICTURE, "PNG"))
    assert np.abs(difference).mean() < 2


@pytest.mark.parametrize("orientation", STORED)
def test_an_odd_margin_shifts_a_turned_photo_by_one_pixel_at_most(orientation: int) -> None:
    # 301 x 256 leaves margins of 38 and 39 pixels; the crop is taken before the turn.
    image = noise(301, 256)
    pixels = pixels_of(turned(image, orientation))
    resized = np.asarray(image)[16:240]
    candidates = [resized[:, left : left + 224] for left in (38, 39)]
    assert min(np.abs(pixels.astype(int) - candidate).max() for candidate in candidates) <= 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_orientation_is_ignored(orientation: int) -> None:
    np.testing.assert_array_equal(
        pixels_of(turned(PICTURE, orientation)), pixels_of(encode(PICTURE, "PNG"))
    )


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # logged by a worker, an error only here
@pytest.mark.parametrize("form", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize(
    "exif",
    [
        b"garbage!",
        b"",
        b"MM",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x20\0\0\0\xff",
        b"MM\0*\0\0\0\x08\0\x02\x01\x12\0\x05\0\0\0\x01\0\0\0\x08\x01\x0f\0\x02\0\0\0\x01\xff\0\0\0",
    ],
)
def test_damaged_exif_data_do_not_harm_the_picture(form: str, exif: bytes) -> None:
    options = LOSSLESS.get(form, {})
    damaged = encode(PICTURE, form, exif=b"Exif\0\0" + exif, **options)
    np.testing.assert_array_equal(pixels_of(damaged), pixels_of(encode(PICTURE, form, **options)))
