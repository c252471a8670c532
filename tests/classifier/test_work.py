"""The cost of an image is estimated from its header, and bounded."""

from __future__ import annotations

import math
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from PIL import Image, JpegImagePlugin

from classifier.description import Preprocessing
from classifier.errors import TooLarge
from classifier.image_parts import check_parts
from classifier.images import decode, read_pixels
from classifier.opening import open_image
from classifier.settings import Settings
from tests.classifier.test_image_limits import jpeg_bomb, tiff, with_scans
from tests.pictures import PICTURE, SAMPLES, encode

NO_LIMIT = 10**12
PART_S = 4e-6
CONFIG = Path(__file__).parents[2] / "config" / "model-config.yaml"
PIXELS = PICTURE.width * PICTURE.height


def opening(file: bytes, max_decode_s: float = math.inf) -> float:
    limits = {"max_bytes": NO_LIMIT, "max_pixels": NO_LIMIT}
    return open_image(file, **limits, max_decode_s=max_decode_s).decode_s


def cost(file: bytes) -> float:
    """Estimate the time for the pixels alone, which counts in large pictures."""
    return opening(file) - PART_S * check_parts(file).number


def test_a_picture_costs_by_its_pixels_whatever_its_bytes() -> None:
    small, large = (encode(Image.new("RGB", (side, side)), "WEBP") for side in (100, 400))
    assert cost(large) == pytest.approx(16 * cost(small))


def test_dear_forms_cost_more() -> None:
    forms = [
        encode(PICTURE, "JPEG"),
        encode(PICTURE, "WEBP"),
        encode(PICTURE.convert("RGBA"), "PNG"),
        encode(PICTURE.convert("F"), "TIFF"),
    ]
    costs = [cost(file) for file in forms]
    assert costs == sorted(costs)
    assert costs[-1] > 5 * costs[0]


def test_a_jpeg_costs_by_its_scans() -> None:
    costs = {count: cost(with_scans(count)) for count in (10, 30, 60)}
    per_scan = (costs[60] - costs[30]) / 30
    assert per_scan >= 3.4e-9 * PIXELS  # as measured at 50 megapixels
    assert costs[60] - costs[10] == pytest.approx(50 * per_scan, rel=0.01)


def test_what_only_looks_like_scans_costs_nothing() -> None:
    marks = b"\xff\xda" * 60
    file = encode(PICTURE, "JPEG") + b"\0\0\0\x18ftypmp42" + marks
    # The marks hide the end marker, so the picture is decoded thrice; but not 60 times as long.
    assert cost(file) < 4 * cost(encode(PICTURE, "JPEG"))


def test_the_scans_of_a_tiff_cost_as_those_of_a_jpeg() -> None:
    file = bytearray(encode(PICTURE, "TIFF", compression="jpeg"))
    assert cost(bytes(file + b"\xff\xda" * 10_000)) > 10 * cost(bytes(file))


def test_a_jpeg_without_end_marker_costs_its_repair() -> None:
    file = encode(PICTURE, "JPEG")
    assert cost(file[:-2]) == pytest.approx(3 * cost(file), rel=0.01)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_estimate_decompresses_nothing(sample: object) -> None:
    file: bytes = sample.file  # type: ignore[attr-defined]
    with patch.object(Image.Image, "load", side_effect=AssertionError):
        assert cost(file) > 0


def test_an_avif_costs_by_all_that_is_coded_in_it() -> None:
    opaque = encode(PICTURE, "AVIF")
    half = PICTURE.copy()
    half.putalpha(128)  # an encoder leaves out what is opaque everywhere
    clear = encode(half, "AVIF")
    more = 100e-9 * (len(clear) - len(opaque)) + PART_S
    assert opening(clear) - opening(opaque) - more == pytest.approx(45e-9 * PIXELS)


def test_a_jpeg_costs_by_its_segments() -> None:
    file = encode(PICTURE, "JPEG")
    many = file[:2] + b"\xff\xe5\0\2" * 60_000 + file[2:]
    assert opening(many) - opening(file) == pytest.approx(60_000 * PART_S, rel=0.01)


def test_too_dear_an_image_is_refused_before_it_is_decoded() -> None:
    file = with_scans(60)
    found = opening(file)
    assert opening(file, max_decode_s=found) == found
    message = r"expected an image that decodes in about .* s at most; found one of \d+ x \d+ pixels"
    with pytest.raises(TooLarge, match=message):
        opening(file, max_decode_s=found / 2)


def test_the_repair_of_a_jpeg_comes_after_the_limits() -> None:
    bomb = jpeg_bomb()[:-2]  # the check for lost pixels decodes the picture twice
    with (
        patch.object(JpegImagePlugin.JpegImageFile, "load", side_effect=AssertionError),
        pytest.raises(TooLarge, match="found 60000 x 60000"),
    ):
        read_pixels(bomb, Preprocessing(), max_bytes=NO_LIMIT, max_pixels=50_000_000)


def test_the_shipped_limits_accept_every_form_of_the_largest_picture() -> None:
    # But for a JPEG of many scans, the limit on pixels is the one that counts.
    limits = Settings.from_config(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))
    for name, sample in SAMPLES.items():
        pixels = math.prod(decode(sample.file, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT).size)
        bytes_alone = (100e-9 if name.startswith("AVIF") else 8e-9) * len(sample.file)
        scaled = (cost(sample.file) - bytes_alone) / pixels * limits.max_image_pixels
        assert scaled <= limits.max_image_decode_s


def test_the_shipped_limits_refuse_many_scans_of_many_pixels() -> None:
    limits = Settings.from_config(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))
    scaled = cost(with_scans(64)) / PIXELS * 50_000_000
    assert scaled > limits.max_image_decode_s


def test_the_size_that_counts_is_the_one_that_is_decompressed() -> None:
    tile = {"tile_offset": 8, "tile_bytes": 9}
    small, large = (tiff(width=1, height=1, tile_width=n, tile_height=n, **tile) for n in (16, 160))
    assert cost(large) == pytest.approx(100 * cost(small))
