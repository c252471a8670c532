"""Large JPEGs are decoded at a fraction of their size, and look the same to the network."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from classifier.images import decode, read_pixels, to_pixels
from classifier.reference import REFERENCE_NAMES, draw
from tests.models import NO_LIMIT, PREPROCESSING


def jpeg(width: int, height: int, name: str = REFERENCE_NAMES[0]) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(draw(name, width=width, height=height))
    picture.save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("width", "height"),
    [
        (1024, 1024),  # a half, divided exactly
        (1025, 1031),  # a half, rounded up
        (1999, 1111),  # a half
        (2077, 3001),  # a quarter, upright
        (4099, 4111),  # an eighth
    ],
)
def test_large_photos_look_the_same_as_decoded_in_full(width: int, height: int) -> None:
    file = jpeg(width, height)
    full = to_pixels(decode(file, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT), PREPROCESSING)
    seen = read_pixels(file, PREPROCESSING, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    difference = np.abs(seen.astype(int) - full.astype(int))
    # A shift by one decoded pixel, as naive cropping gives, is ten times that at the edges.
    assert difference.mean() < 0.5
    assert difference.max() <= 12


@pytest.mark.parametrize(("width", "height"), [(256, 256), (500, 333), (1023, 1600), (64, 64)])
def test_photos_of_ordinary_size_are_decoded_in_full(width: int, height: int) -> None:
    file = jpeg(width, height)
    full = to_pixels(decode(file, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT), PREPROCESSING)
    seen = read_pixels(file, PREPROCESSING, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    assert np.array_equal(seen, full)


def test_large_photos_are_not_decoded_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, int]] = []
    load = Image.Image.resize

    def remember(image: Image.Image, *arguments: object, **options: object) -> Image.Image:
        sizes.append(image.size)
        return load(image, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", remember)
    read_pixels(jpeg(4099, 4111), PREPROCESSING, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    assert sizes == [(513, 514)]
