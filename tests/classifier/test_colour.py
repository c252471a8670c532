"""Colours are converted according to their profile."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from classifier import colour
from classifier.colour import to_srgb
from tests.models import pixels_of
from tests.pictures import PICTURE, encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Display P3's primaries and white, in the shape of an ICC profile of three matrix columns.
XYZ_OF_P3 = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189)}
XYZ_OF_P3[b"bXYZ"] = (0.15710, 0.06657, 0.78407)


def profile(name: bytes = b"A wide screen") -> bytes:
    """An ICC profile with the primaries of Display P3 and sRGB's curve, made from Pillow's sRGB."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag, numbers in XYZ_OF_P3.items():
        entry = data.index(tag, 128)
        place = int.from_bytes(data[entry + 4 : entry + 8], "big") + 8
        for number in numbers:
            data[place : place + 4] = round(number * 65536).to_bytes(4, "big", signed=True)
            place += 4
    words = "sRGB built-in".encode("utf-16-be")
    return bytes(data).replace(words, name.decode().encode("utf-16-be")[: len(words)])


def expected() -> NDArray[np.float64]:
    """What `PICTURE` shows if its numbers are Display P3's, by the matrices of both spaces."""
    to_xyz = np.array([XYZ_OF_P3[tag] for tag in (b"rXYZ", b"gXYZ", b"bXYZ")]).T
    srgb = np.array(
        [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.7141]]
    )
    values = np.asarray(PICTURE) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = (linear @ (np.linalg.inv(srgb) @ to_xyz).T).clip(0, 1)
    shown: NDArray[np.float64] = 255 * np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return shown


def test_a_wide_gamut_is_converted() -> None:
    shown = np.asarray(to_srgb(PICTURE, profile())).astype(float)
    assert np.abs(shown - np.asarray(PICTURE)).mean() > 3
    assert np.abs(shown - expected()).mean() < 0.5


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_format_brings_its_profile(form: str) -> None:
    best: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    options = best.get(form, {})
    plain = pixels_of(encode(PICTURE, form, **options)).astype(float)
    profiled = pixels_of(encode(PICTURE, form, icc_profile=profile(), **options)).astype(float)
    assert np.abs(profiled - plain).mean() > 3
    converted = Image.fromarray(expected().round().astype(np.uint8))
    assert np.abs(profiled - pixels_of(encode(converted, "PNG"))).mean() < 1.5


def test_srgb_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageCms, "ImageCmsTransform", None)  # is not built
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(np.asarray(to_srgb(PICTURE, srgb)), np.asarray(PICTURE))


@pytest.mark.parametrize("damaged", [b"", b"no profile", profile()[:200]])
def test_a_damaged_profile_is_left_out(damaged: bytes) -> None:
    plain = pixels_of(encode(PICTURE, "PNG"))
    np.testing.assert_array_equal(pixels_of(encode(PICTURE, "PNG", icc_profile=damaged)), plain)


def test_a_profile_of_other_colours_than_the_pictures_is_left_out() -> None:
    grey = PICTURE.convert("L")
    shown = np.asarray(to_srgb(grey, profile()))
    np.testing.assert_array_equal(shown, np.asarray(grey.convert("RGB")))


def test_a_profile_that_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colour, "MAX_PROFILE_BYTES", 100)
    np.testing.assert_array_equal(np.asarray(to_srgb(PICTURE, profile())), np.asarray(PICTURE))


def test_lab_is_known_by_its_mode() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    buffer = io.BytesIO()
    PICTURE.save(buffer, "PNG", icc_profile=lab)
    np.testing.assert_array_equal(pixels_of(buffer.getvalue()), pixels_of(encode(PICTURE, "PNG")))
