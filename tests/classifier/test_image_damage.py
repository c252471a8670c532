"""Any bytes give pixels or an error that its sender can act on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classifier.errors import InvalidImage, RequestError
from classifier.images import read_pixels
from tests.models import PREPROCESSING, pixels_of
from tests.pictures import SAMPLES

# What Pillow warns of in damaged files is logged by a worker, and an error only in these tests.
quietly = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
sample_names = st.sampled_from(sorted(SAMPLES))
shares = st.floats(0, 1, exclude_max=True)
MAGIC = (
    *(b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP"),
    *(b"BM", b"GIF89a", b"II*\0"),
)


def assert_complete(error: RequestError) -> None:
    """Check that the message says what was expected, what was found and what to do."""
    assert error.expected
    assert error.found
    assert error.remedy
    assert str(error) == f"expected {error.expected}; found {error.found}; {error.remedy}"


def assert_pixels_or_error(file: bytes) -> None:
    try:
        pixels = read_pixels(file, PREPROCESSING, max_bytes=10**6, max_pixels=10**6)
    except RequestError as error:
        assert_complete(error)
    else:
        assert pixels.shape == (224, 224, 3)
        assert pixels.dtype == np.uint8


def test_an_empty_file_is_told_from_a_broken_one() -> None:
    with pytest.raises(InvalidImage, match="found an empty file; send its bytes") as caught:
        pixels_of(b"")
    assert_complete(caught.value)


def test_text_is_no_image() -> None:
    with pytest.raises(
        InvalidImage, match=r"found 5 bytes that are not an image .*b'hello'"
    ) as caught:
        pixels_of(b"hello")
    assert_complete(caught.value)


@quietly
@pytest.mark.parametrize("name", SAMPLES)
def test_a_fifth_of_a_file_is_refused(name: str) -> None:
    file = SAMPLES[name].file  # half of one with several frames may hold the whole first frame
    with pytest.raises(InvalidImage) as caught:
        pixels_of(file[: len(file) // 5])
    assert_complete(caught.value)


@quietly
@settings(max_examples=300)
@given(sample_names, shares)
def test_a_truncated_file_is_refused_unless_no_pixel_is_missing(name: str, share: float) -> None:
    file = SAMPLES[name].file
    try:
        pixels = pixels_of(file[: int(share * len(file))])
    except InvalidImage as error:
        assert_complete(error)
    else:  # what was cut off is a trailer, or another frame
        np.testing.assert_array_equal(pixels, pixels_of(file))


@quietly
@settings(max_examples=300)
@given(st.sampled_from(MAGIC), st.binary(max_size=200))
@example(b"GIF89a", b"\1\0\1\0\0\0\0;")
def test_any_bytes_give_pixels_or_an_error(magic: bytes, rest: bytes) -> None:
    assert_pixels_or_error(magic + rest)


@quietly
@settings(max_examples=500)
@given(
    sample_names,
    st.lists(st.tuples(shares, st.integers(0, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_damaged_files_give_pixels_or_an_error(
    name: str, changes: list[tuple[float, int]], in_the_header: bool
) -> None:
    file = bytearray(SAMPLES[name].file)
    reach = min(100, len(file)) if in_the_header else len(file)
    for share, byte in changes:
        file[int(share * reach)] = byte
    assert_pixels_or_error(bytes(file))
