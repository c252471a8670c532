"""Every depth, byte order, photometric interpretation and transparent level shows its picture.

The right value is computed from the formats' definitions, not by another decoder.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from classifier.errors import UnsupportedFormat
from classifier.images import to_rgb
from tests.classifier.raw_files import COLOUR, GREY, png, tiff
from tests.models import decode_freely

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
both_orders = pytest.mark.parametrize("order", "<>")
deflated_or_not = pytest.mark.parametrize("deflated", [False, True], ids=["raw", "deflated"])


def shown(file: bytes) -> NDArray[np.float64]:
    return np.asarray(to_rgb(decode_freely(file))).astype(np.float64)


def levels(picture: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    return np.rint(picture * most).astype(np.int64)


def assert_shows(file: bytes, picture: NDArray[np.float64]) -> None:
    """The file shows a picture of 0 to 1, up to one grey level."""
    expected = 255 * (picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=-1))
    assert np.abs(shown(file) - expected).max() <= 1.01


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("share", [0, 0.5, 1], ids=["black", "grey", "white"])
def test_a_transparent_grey_level_of_a_png_is_white(depth: int, share: float) -> None:
    most = 2**depth - 1
    samples = levels(GREY, most)
    level = samples[12, 15] if share == 0.5 else round(share * most)
    expected = np.where(samples == level, 1, samples / most)
    assert_shows(png(depth, 0, samples, struct.pack(">H", level)), expected)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour_of_a_png_is_white(depth: int) -> None:
    most = 2**depth - 1
    samples = levels(COLOUR, most)
    samples[:8, :8] = most // 3, most // 5, most // 7
    expected = samples / most
    expected[:8, :8] = 1
    # Differs by one in each sample: another colour, even where its upper byte is the same.
    samples[:4, :4] += 1
    expected[:4, :4] = samples[:4, :4] / most
    colour = struct.pack(">HHH", *samples[6, 6])
    assert_shows(png(depth, 2, samples, colour), expected)


@both_orders
@deflated_or_not
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO], ids=["white", "black"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_tiffs(bits: int, photometric: int, order: str, deflated: bool) -> None:
    most = 2**bits - 1
    samples = levels(GREY, most)
    stored = samples if photometric == BLACK_IS_ZERO else most - samples
    file = tiff(stored, bits, photometric, order=order, deflated=deflated)
    if (bits, photometric, order) == (16, WHITE_IS_ZERO, ">"):
        with pytest.raises(UnsupportedFormat, match="a TIFF file of a kind that cannot be read"):
            shown(file)
    else:
        assert_shows(file, samples / most)


def test_12_bit_tiffs() -> None:
    samples = levels(GREY, 4095)
    assert_shows(tiff(samples, 12, BLACK_IS_ZERO), samples / 4095)


@both_orders
@deflated_or_not
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO], ids=["white", "black"])
def test_floating_point_tiffs(photometric: int, order: str, deflated: bool) -> None:
    stored = GREY if photometric == BLACK_IS_ZERO else 1 - GREY
    file = tiff(stored, 32, photometric, order=order, sample_format=FLOAT, deflated=deflated)
    assert_shows(file, GREY)


@deflated_or_not
def test_unsigned_32_bit_tiffs_use_their_whole_range(deflated: bool) -> None:
    samples = levels(GREY, 2**32 - 1)
    assert_shows(tiff(samples, 32, BLACK_IS_ZERO, deflated=deflated), GREY)


@both_orders
@deflated_or_not
def test_signed_32_bit_tiffs(order: str, deflated: bool) -> None:
    samples = levels(GREY, 2**31 - 1)
    file = tiff(samples, 32, BLACK_IS_ZERO, order=order, sample_format=SIGNED, deflated=deflated)
    assert_shows(file, GREY)


@both_orders
@pytest.mark.parametrize("bits", [8, 16])
def test_other_signed_tiffs_are_refused(bits: int, order: str) -> None:
    samples = levels(GREY, 2 ** (bits - 1) - 1)
    with pytest.raises(UnsupportedFormat, match=f"signed {bits} bit samples"):
        shown(tiff(samples, bits, BLACK_IS_ZERO, order=order, sample_format=SIGNED))


@both_orders
@deflated_or_not
@pytest.mark.parametrize("planar", [False, True], ids=["together", "planar"])
@pytest.mark.parametrize("bits", [8, 16])
def test_colour_tiffs(bits: int, planar: bool, order: str, deflated: bool) -> None:
    samples = levels(COLOUR, 2**bits - 1)
    assert_shows(tiff(samples, bits, RGB, order=order, planar=planar, deflated=deflated), COLOUR)


@pytest.mark.parametrize(("bits", "sample_format"), [(32, UNSIGNED), (32, FLOAT), (64, FLOAT)])
def test_colour_tiffs_of_other_depths_are_named(bits: int, sample_format: int) -> None:
    samples = COLOUR if sample_format == FLOAT else levels(COLOUR, 2**bits - 1)
    with pytest.raises(UnsupportedFormat, match="a TIFF file of a kind that cannot be read"):
        shown(tiff(samples, bits, RGB, sample_format=sample_format))
