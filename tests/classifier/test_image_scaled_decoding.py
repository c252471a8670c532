"""Large JPEGs are decoded at a fraction of their size, and look the same to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import ExifTags, Image

from classifier.description import INTERPOLATIONS, Preprocessing
from classifier.errors import InvalidImage
from classifier.images import read_pixels, to_pixels
from classifier.reference import REFERENCE_NAMES, draw
from tests.classifier.test_image_geometry import STORED
from tests.models import NO_LIMIT, PREPROCESSING, decode_freely, pixels_of
from tests.pictures import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray


def large(width: int, height: int, name: str = REFERENCE_NAMES[0]) -> Image.Image:
    """Draw a picture and enlarge it; drawing it as large as that would take seconds."""
    return Image.fromarray(draw(name, width=640, height=640)).resize((width, height))


def jpeg(width: int, height: int) -> bytes:
    return encode(large(width, height), "JPEG", quality=90, subsampling=0)


def difference(file: bytes) -> NDArray[np.int64]:
    """Compare what the network sees with the same file decoded in full, in grey levels."""
    full = to_pixels(decode_freely(file), PREPROCESSING)
    return np.abs(pixels_of(file).astype(int) - full)


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
    levels = difference(jpeg(width, height))
    # A shift by one decoded pixel, as naive cropping gives, is ten times that at the edges.
    assert levels.mean() < 0.5
    assert levels.max() <= 12


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize(("resize", "crop"), [(160, 160), (182, 160), (304, 288)])
def test_large_photos_look_the_same_however_they_are_resized(
    interpolation: str, resize: int, crop: int, *, squash: bool
) -> None:
    preprocessing = Preprocessing(resize, crop, squash=squash, interpolation=interpolation)
    file = jpeg(2077, 1511)
    seen = read_pixels(file, preprocessing, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    full = to_pixels(decode_freely(file), preprocessing)
    assert seen.shape == (crop, crop, 3)
    assert np.abs(seen.astype(int) - full).mean() < 0.5


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_photos_are_turned_upright_however_they_are_resized(
    orientation: int, *, squash: bool
) -> None:
    preprocessing = Preprocessing(160, 160, squash=squash, interpolation="bicubic")
    image = large(300, 300)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = encode(image.transpose(STORED[orientation]), "PNG", exif=exif)
    upright = to_pixels(image, preprocessing)
    seen = read_pixels(turned, preprocessing, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    assert np.abs(seen.astype(int) - upright).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_large_photos_of_every_mode_look_the_same(mode: str) -> None:
    file = encode(large(1203, 1601).convert(mode), "JPEG", quality=90, subsampling=0)
    assert decode_freely(file).mode == mode
    assert difference(file).mean() < 0.5


def test_the_first_of_several_large_pictures_looks_the_same() -> None:
    others = [large(1100, 1100, REFERENCE_NAMES[1])]
    file = encode(large(1203, 1601), "MPO", save_all=True, append_images=others, quality=90)
    assert difference(file).mean() < 0.5


@pytest.mark.parametrize("orientation", range(2, 9))
def test_large_photos_are_turned_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = encode(large(1201, 1603), "JPEG", quality=90, subsampling=0, exif=exif)
    assert difference(file).mean() < 0.5


def test_a_truncated_large_photo_is_refused() -> None:
    file = jpeg(1203, 1601)
    with pytest.raises(InvalidImage, match="a JPEG file that breaks off or is damaged"):
        pixels_of(file[: -len(file) // 4])


@pytest.mark.parametrize(("width", "height"), [(256, 256), (500, 333), (1023, 1600), (64, 64)])
def test_photos_of_ordinary_size_are_decoded_in_full(width: int, height: int) -> None:
    assert difference(jpeg(width, height)).max() == 0


def test_large_photos_are_not_decoded_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    file, sizes = jpeg(4099, 4111), []
    load = Image.Image.resize

    def remember(image: Image.Image, *arguments: object, **options: object) -> Image.Image:
        sizes.append(image.size)
        return load(image, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "resize", remember)
    pixels_of(file)
    assert sizes == [(513, 514)]
