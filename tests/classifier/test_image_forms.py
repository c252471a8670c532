"""Every accepted mode and format shows its picture; transparent parts are white."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from classifier.errors import UnsupportedFormat
from classifier.image_kinds import ACCEPTED_FORMATS
from classifier.images import to_rgb
from tests.models import decode_freely, pixels_of
from tests.pictures import GREY, PICTURE, SAMPLES, Sample, encode, raw_png

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG_HEADER = b"\xff\xd8\xff\xe0\0\x04\0\0"
FOREIGN = {
    "PDF data": encode(PICTURE, "PDF"),
    "ICO data": encode(PICTURE, "ICO"),
    "JPEG 2000 data": encode(PICTURE, "JPEG2000", no_jp2=False),
    "an AVIF sequence": encode(PICTURE, "AVIF", save_all=True, append_images=[GREY]),
    "Photoshop data": b"8BPS\0\1" + bytes(40),
    "JPEG XL data": b"\0\0\0\x0cJXL \r\n\x87\n",
    "HEIC data": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "MP4 or QuickTime data": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2",
    "SVG data": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG or XML data": b'<?xml version="1.0"?><svg/>',
    "HEIC data (an image sequence)": b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc",
    "gzip data": gzip.compress(b"flowers"),
    "a zip file": b"PK\3\4" + bytes(26),
    "an HTML page": b"<!DOCTYPE html><title>Not found</title>",
    "a JPEG of another process (lossless)": JPEG_HEADER + b"\xff\xc3\0\x0b\x08\0\1\0\1\1\1\x11\0",
    "a JPEG of another process (12 bit)": JPEG_HEADER + b"\xff\xc1\0\x0b\x0c\0\1\0\1\1\1\x11\0",
    "a JPEG of another process (JPEG-LS)": JPEG_HEADER + b"\xff\xf7\0\x0b\x08\0\1\0\1\1\1\x11\0",
}


def rgb_of(file: bytes) -> NDArray[np.uint8]:
    return np.asarray(to_rgb(decode_freely(file)))


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_accepted_form_shows_its_picture(sample: Sample) -> None:
    pixels = pixels_of(sample.file)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    expected = pixels_of(encode(sample.shown, "PNG")).astype(float)
    assert np.abs(pixels - expected).mean() <= sample.tolerance


def test_the_samples_cover_every_accepted_format() -> None:
    assert {name.split()[0].upper() for name in SAMPLES} == {
        name.upper() for name in ACCEPTED_FORMATS
    }


def test_a_progressive_jpeg_gives_the_pixels_of_a_baseline_one() -> None:
    np.testing.assert_array_equal(
        pixels_of(SAMPLES["JPEG progressive"].file), pixels_of(SAMPLES["JPEG RGB"].file)
    )


@pytest.mark.parametrize(("name", "file"), FOREIGN.items(), ids=FOREIGN)
def test_other_formats_are_named(name: str, file: bytes) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        decode_freely(file)
    assert caught.value.found == name


def test_a_run_length_encoded_bmp_is_refused() -> None:
    header = struct.pack("<IIIIiiHHIIIIII", 99, 0, 54 + 1024, 40, 8, 8, 1, 8, 1, 0, 0, 0, 256, 0)
    with pytest.raises(UnsupportedFormat, match="found a BMP file with run-length encoding; "):
        decode_freely(b"BM" + header + bytes(1024) + b"\x08\7\0\0" * 8)


def test_16_bit_is_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16).reshape(16, 16)
    expected = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for form in ("PNG", "TIFF"):
        grey = rgb_of(encode(Image.fromarray(ramp), form))[..., 0]
        np.testing.assert_array_equal(grey, expected)


def test_a_dark_16_bit_picture_stays_dark() -> None:
    assert rgb_of(encode(Image.fromarray(np.full((4, 4), 255, np.uint16)), "PNG")).max() == 1


def test_big_endian_16_bit_is_read_alike() -> None:
    levels = np.asarray(GREY).astype(np.uint16) * 257
    little = encode(Image.fromarray(levels), "TIFF")
    big = encode(Image.frombytes("I;16B", GREY.size, levels.astype(">u2").tobytes()), "TIFF")
    assert little[:2] != big[:2]
    np.testing.assert_array_equal(rgb_of(big), rgb_of(little))


def test_floating_point_outliers_harm_no_other_pixel() -> None:
    values = np.array([[0.0, 64.0, 255.0, np.nan, np.inf, -np.inf, -3.0, 300.0]], np.float32)
    grey = rgb_of(encode(Image.fromarray(values), "TIFF"))[0, :, 0]
    assert grey.tolist() == [0, 64, 255, 0, 255, 0, 0, 255]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_what_lies_under_full_transparency_does_not_matter(form: str) -> None:
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    hidden = PICTURE.copy()
    hidden.putalpha(0)
    assert rgb_of(encode(hidden, form, **options)).min() == 255


def test_a_transparent_palette_entry_is_white() -> None:
    palette = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), mode="P")
    palette.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for form in ("PNG", "GIF"):
        rgb = rgb_of(encode(palette, form, transparency=1))
        assert rgb.tolist() == [[[10, 20, 30], [255] * 3], [[70, 80, 90], [255] * 3]]


def test_palette_entries_may_be_half_transparent() -> None:
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), mode="P")
    palette.putpalette([0, 0, 0, 100, 50, 0])
    rgb = rgb_of(encode(palette, "PNG", transparency=bytes([127, 255])))
    assert rgb.tolist() == [[[128, 128, 128], [100, 50, 0]]]


@pytest.mark.parametrize(
    ("depth", "colour_type", "rows", "transparent", "expected"),
    [
        (8, 0, np.array([[7, 8]], np.uint8), b"\0\7", [255, 8]),
        (8, 2, np.array([[[7, 7, 7], [7, 7, 7 + 2]]], np.uint8), b"\0\7\0\7\0\7", [255, 7]),
        (16, 0, np.array([[0x1234, 0x1235]], ">u2"), b"\x12\x34", [255, 18]),
    ],
    ids=["8 bit", "RGB", "16 bit"],
)
def test_the_transparent_level_of_a_png_is_white(
    depth: int, colour_type: int, rows: Any, transparent: bytes, expected: list[int]
) -> None:
    file = raw_png(depth, colour_type, rows, transparent)
    assert rgb_of(file)[0, :, 0].tolist() == expected


def test_transparent_black_of_two_levels_is_white() -> None:
    file = encode(PICTURE.convert("1"), "PNG", transparency=0)
    assert decode_freely(file).mode == "1"
    assert rgb_of(file).min() == 255
