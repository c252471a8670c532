"""Files that lack no pixel are read; files that lack pixels are refused."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from classifier.errors import InvalidImage
from classifier.repairs import with_end_marker, without_ancillary_chunks
from tests.models import pixels_of
from tests.pictures import PICTURE, encode, png_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

PNG = encode(PICTURE, "PNG")
HEADER_BYTES = 8 + 25  # the signature and IHDR
JPEGS = {
    "baseline": encode(PICTURE, "JPEG", quality=90),
    "progressive": encode(PICTURE, "JPEG", quality=90, progressive=True),
    "grey": encode(PICTURE.convert("L"), "JPEG", quality=90),
}
megabytes = zlib.compress(bytes(2_000_000))
ANCILLARY = {
    "2 MB of text": png_chunk(b"zTXt", b"Comment\0\0" + megabytes),
    "2 MB of international text": png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + megabytes),
    "a profile of 2 MB": png_chunk(b"iCCP", b"profile\0\0" + megabytes),
    "a profile that is not compressed": png_chunk(b"iCCP", b"profile\0\1" + bytes(40)),
    "a damaged profile": png_chunk(b"iCCP", b"profile\0\0" + b"\1\2\3\4"),
    "a bad check sum": png_chunk(b"tEXt", b"Comment\0flowers")[:-1] + b"\0",
    "a profile with a bad check sum": png_chunk(b"iCCP", b"p\0\0" + zlib.compress(b"p"))[:-1]
    + b"\0",
    "an unknown chunk": png_chunk(b"abCd", b"?"),
}


@pytest.mark.parametrize("chunk", ANCILLARY.values(), ids=ANCILLARY)
def test_an_ancillary_chunk_harms_no_pixel(chunk: bytes) -> None:
    file = PNG[:HEADER_BYTES] + chunk + PNG[HEADER_BYTES:]
    np.testing.assert_array_equal(pixels_of(file), pixels_of(PNG))


def test_a_png_that_needs_no_repair_is_not_copied() -> None:
    assert without_ancillary_chunks(PNG) is PNG


@pytest.mark.parametrize(
    "damage",
    [lambda file: file[: len(file) // 2], lambda file: file.replace(b"IDAT", b"IDAX")],
    ids=["cut", "no data"],
)
def test_a_png_that_lacks_pixels_is_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InvalidImage, match="PNG"):
        pixels_of(damage(PNG))


@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_may_lack_its_end_marker(jpeg: bytes) -> None:
    assert jpeg.endswith(b"\xff\xd9")
    for cut in (jpeg[:-2], jpeg[:-1]):
        np.testing.assert_array_equal(pixels_of(cut), pixels_of(jpeg))


@pytest.mark.parametrize("jpeg", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_jpeg_that_breaks_off_is_refused(jpeg: bytes, share: float) -> None:
    with pytest.raises(InvalidImage, match="breaks off"):
        pixels_of(jpeg[: round(share * len(jpeg))])


def test_a_jpeg_followed_by_something_else_stays_as_it_is() -> None:
    file = JPEGS["baseline"] + bytes(100)
    assert with_end_marker(file) is file
