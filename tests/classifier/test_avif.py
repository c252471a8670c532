"""AVIF: pictures are right, and nothing coded in a file escapes the limits."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from classifier.av1 import measure
from classifier.avif import is_avif, read_avif
from classifier.colour import display_p3
from classifier.errors import InvalidImage, RequestError, TooLarge, UnsupportedFormat
from classifier.images import as_srgb, decode, upright
from classifier.opening import open_image
from tests.classifier.avif_files import avif, box, coded
from tests.models import decode_freely, pixels_of
from tests.pictures import PICTURE, encode

WIDTH, HEIGHT = 64, 64  # the smallest tile
TILE = PICTURE.resize((WIDTH, HEIGHT))
AV1 = coded(TILE)
FILE = avif([AV1], TILE.size)
SEQUENCE_HEADER = AV1[2 : 2 + 2 + AV1[3]]  # after the temporal delimiter
FRAME = AV1[2 + len(SEQUENCE_HEADER) :]
LIMITS = {"max_bytes": 10**6, "max_pixels": WIDTH * HEIGHT}


def shown(file: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    image = decode_freely(file)
    return np.asarray(as_srgb(upright(image, image)), dtype=np.float64)


def difference(file: bytes, picture: Image.Image) -> float:
    return float(np.abs(shown(file) - np.asarray(picture, dtype=np.float64)).mean())


def test_the_written_file_is_the_picture() -> None:
    assert is_avif(FILE)
    assert difference(FILE, TILE) < 4
    assert read_avif(FILE).total == read_avif(FILE).largest == WIDTH * HEIGHT


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_turned_once(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = pixels_of(encode(PICTURE, "PNG", exif=exif))
    found = pixels_of(encode(PICTURE, "AVIF", exif=exif, quality=95, speed=10))
    assert np.abs(found.astype(float) - expected).mean() < 4


def test_the_orientation_in_exif_data_counts_for_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = avif([AV1], TILE.size, exif=bytes(4) + exif.tobytes()[6:])
    with Image.open(io.BytesIO(file)) as image:
        image.load()
    assert difference(file, TILE) < 4


def test_exif_data_of_any_size_are_not_read() -> None:
    file = avif([AV1], TILE.size, exif=bytes(4) + b"MM\0*\0\0\0\x08\xff\xff" + bytes(900_000))
    assert "exif" not in open_image(file, **LIMITS).image.info
    assert difference(file, TILE) < 4


def test_a_grid_shows_all_its_tiles() -> None:
    picture = PICTURE.resize((2 * WIDTH, 2 * HEIGHT))
    boxes = [(x, y, x + WIDTH, y + HEIGHT) for y in (0, HEIGHT) for x in (0, WIDTH)]
    tiles = [coded(picture.crop(area)) for area in boxes]
    size = (2 * WIDTH - 4, 2 * HEIGHT - 8)
    file = avif(tiles, TILE.size, grid=(2, 2, *size))
    assert difference(file, picture.crop((0, 0, *size))) < 4
    assert read_avif(file).images == 4
    with pytest.raises(TooLarge, match="pixels"):
        decode(file, max_bytes=10**6, max_pixels=size[0] * size[1] - 1)


def test_a_wide_gamut_is_converted_from_its_profile_or_its_code() -> None:
    untouched = shown(avif([AV1], TILE.size))
    profile = encode(TILE, "AVIF", icc_profile=display_p3(), quality=90, speed=10)
    by_profile, by_code = shown(profile), shown(avif([AV1], TILE.size, nclx=(12, 13, 6)))
    assert np.abs(by_profile - untouched).mean() > 2
    assert np.abs(by_profile - by_code).mean() < 1


def test_display_p3_is_a_profile_of_its_primaries() -> None:
    profile = ImageCms.getOpenProfile(io.BytesIO(display_p3()))
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    colours = Image.new("RGB", (1, 1), (180, 100, 60))
    red, green, blue = ImageCms.applyTransform(colours, transform).getpixel((0, 0))  # type: ignore[misc, union-attr]
    # By the formulas of CSS Color 4 for color(display-p3 0.7059 0.3922 0.2353).
    assert (red, green, blue) == pytest.approx((194, 95, 47), abs=2)


@pytest.mark.parametrize("nclx", [(9, 16, 9), (9, 14, 9), (1, 18, 6)])
def test_colours_that_would_be_wrong_are_refused(nclx: tuple[int, int, int]) -> None:
    with pytest.raises(UnsupportedFormat, match="other colours"):
        decode_freely(avif([AV1], TILE.size, nclx=nclx))


def test_a_picture_of_which_a_part_is_shown_is_refused() -> None:
    """The decoder ignores the aperture, so the hidden part would be classified too."""
    file = avif([AV1], TILE.size, aperture=(32, 32))
    with Image.open(io.BytesIO(file)) as image:
        assert image.size == TILE.size
    with pytest.raises(UnsupportedFormat, match=r"hides a part of its pixels \(clean aperture\)"):
        decode_freely(file)


def test_a_frame_larger_than_the_file_claims_is_refused_before_it_is_decoded() -> None:
    large = coded(PICTURE.resize((4 * WIDTH, 4 * HEIGHT)))
    with pytest.raises(TooLarge, match="an AVIF file that codes 65,536"):
        open_image(avif([large], TILE.size), **LIMITS)


def test_a_claim_larger_than_the_frame_is_refused() -> None:
    with pytest.raises(TooLarge, match="16,777,216"):
        open_image(avif([AV1], (4096, 4096)), **LIMITS)
    with pytest.raises(TooLarge, match="16,777,216"):
        open_image(avif([AV1] * 2, TILE.size, grid=(1, 2, 4096, 4096)), **LIMITS)


def test_frames_that_are_never_shown_are_counted() -> None:
    file = avif([AV1 + FRAME * 50], TILE.size)
    assert read_avif(file).total == 51 * WIDTH * HEIGHT
    with pytest.raises(TooLarge):
        open_image(file, **LIMITS)
    with pytest.raises(InvalidImage, match="more than 256 units"):
        decode_freely(avif([AV1 + FRAME * 300], TILE.size))


def test_a_second_sequence_header_may_not_be_larger() -> None:
    large = coded(PICTURE.resize((4 * WIDTH, 4 * HEIGHT)))
    with pytest.raises(TooLarge):
        open_image(avif([AV1 + large], TILE.size), **LIMITS)


def test_images_may_not_share_their_bytes() -> None:
    file = bytearray(avif([AV1] * 3, TILE.size, grid=(1, 3, 3 * WIDTH, HEIGHT)))
    start, places = file.index(b"mdat") + 4, file.index(b"iloc") + 12
    for place in range(places, places + 3 * 14, 14):
        file[place + 6 : place + 14] = struct.pack(">II", start, len(file) // 2)
    with pytest.raises(InvalidImage, match="images share their bytes"):
        decode_freely(bytes(file))


def test_too_many_boxes_are_refused() -> None:
    with pytest.raises(TooLarge, match="more than 4,096 boxes"):
        decode_freely(FILE + box(b"free") * 5000)


def test_too_large_tables_are_refused() -> None:
    start = FILE.index(b"iprp") - 4
    size = int.from_bytes(FILE[start : start + 4], "big")
    meta = FILE.index(b"meta") - 4
    table = box(b"ipma", bytes(70_000))
    file = bytearray(FILE[: start + size] + table + FILE[start + size :])
    for place in (start, meta):
        longer = int.from_bytes(file[place : place + 4], "big") + len(table)
        file[place : place + 4] = longer.to_bytes(4, "big")
    with pytest.raises(TooLarge, match="more than 65,536 bytes in the table ipma"):
        decode_freely(bytes(file))


def test_two_descriptions_of_one_file_are_refused() -> None:
    start = FILE.index(b"meta") - 4
    end = start + int.from_bytes(FILE[start : start + 4], "big")
    with pytest.raises(InvalidImage, match="2 boxes meta"):
        decode_freely(FILE + FILE[start:end])


def test_what_the_brands_do_not_call_avif_is_not_decoded_as_such() -> None:
    for brands in (b"mif1\0\0\0\0mif1miafmiafmiaf", b"heic\0\0\0\0avifmif1miafMA1B"):
        with pytest.raises(RequestError):
            decode_freely(FILE[:8] + brands + FILE[8 + len(brands) :])


@pytest.mark.parametrize("length", range(0, len(FILE), 13))
def test_a_file_that_breaks_off_is_the_senders_fault(length: int) -> None:
    with pytest.raises(RequestError) as caught:
        decode_freely(FILE[:length])
    assert not isinstance(caught.value, UnsupportedFormat)


@given(st.integers(0, len(FILE) - 1), st.binary(min_size=1, max_size=6))
def test_any_damage_gives_a_picture_or_the_senders_fault(place: int, damage: bytes) -> None:
    file = FILE[:place] + damage + FILE[place + len(damage) :]
    try:
        assert decode(file, max_bytes=10**6, max_pixels=10**6).size[0] > 0
    except RequestError as error:
        assert str(error)  # noqa: PT017


@given(st.binary(max_size=60))
def test_any_bytes_are_measured_or_refused(data: bytes) -> None:
    try:
        assert measure(SEQUENCE_HEADER + data + FRAME).pixels >= WIDTH * HEIGHT
    except ValueError as error:
        assert str(error)  # noqa: PT017
