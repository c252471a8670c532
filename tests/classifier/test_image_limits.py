"""Limits on bytes and pixels are enforced before anything is decompressed."""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from classifier.description import Preprocessing
from classifier.errors import TooLarge
from classifier.images import decode, read_pixels
from tests.models import decode_freely
from tests.pictures import PICTURE, encode, png_chunk

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES, MAX_PIXELS = 10_000_000, 50_000_000
SIDE = 60_000
SCAN = b"\xff\xda"  # marks its start in a JPEG
MEMORY_MB = 50  # an image of SIDE x SIDE takes 3,600 at least


def png_bomb() -> bytes:
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"\x78\x9c")


def gif_bomb() -> bytes:
    screen = b"GIF89a" + struct.pack("<HH", SIDE, SIDE) + b"\0\0\0"
    return screen + b"," + struct.pack("<HHHH", 0, 0, SIDE, SIDE) + b"\0\x02\x02\x44\x01\0;"


def gif_bomb_in_a_frame() -> bytes:
    screen = b"GIF89a" + struct.pack("<HH", 1, 1) + b"\0\0\0"
    return screen + b"," + struct.pack("<HHHH", 0, 0, SIDE, SIDE) + b"\0\x02\x02\x44\x01\0;"


def bmp_bomb() -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, SIDE, SIDE, 1, 24, *[0] * 6)


def jpeg_bomb() -> bytes:
    picture = bytearray(encode(PICTURE, "JPEG"))
    frame = picture.index(b"\xff\xc0")
    picture[frame + 5 : frame + 9] = struct.pack(">HH", SIDE, SIDE)
    return bytes(picture)


def webp_bomb() -> bytes:
    frame = bytes(6) + bytes(6) + bytes(4) + encode(Image.new("L", (1, 1)), "WEBP")[12:]
    side = struct.pack("<I", SIDE - 1)[:3]
    chunks = [(b"VP8X", b"\2\0\0\0" + side + side), (b"ANIM", bytes(6)), (b"ANMF", frame)]
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff(**tags: int) -> bytes:
    """Write the header of a greyscale TIFF without compression, with its data missing."""
    numbers = {
        "width": 256,
        "height": 257,
        "bits": 258,
        "compression": 259,
        "photometric": 262,
        "strip_offset": 273,
        "rows": 278,
        "strip_bytes": 279,
        "tile_width": 322,
        "tile_height": 323,
        "tile_offset": 324,
        "tile_bytes": 325,
    }
    tags = {"bits": 8, "compression": 1, "photometric": 1} | tags
    entries = sorted((numbers[name], value) for name, value in tags.items())
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)


def tiff_bomb() -> bytes:
    return tiff(width=SIDE, height=SIDE, strip_offset=8, rows=SIDE, strip_bytes=9)


def tiff_bomb_in_a_tile() -> bytes:
    tile = {"tile_width": SIDE, "tile_height": SIDE, "tile_offset": 8, "tile_bytes": 9}
    return tiff(width=1, height=1, **tile)


BOMBS = {
    make.__name__: make()
    for make in (
        *(png_bomb, gif_bomb, gif_bomb_in_a_frame, bmp_bomb, jpeg_bomb, webp_bomb),
        *(tiff_bomb, tiff_bomb_in_a_tile),
    )
}


def peak_mb() -> int:
    """Return the largest memory that this process ever held, or held since `forget_peak`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_huge_declared_size_is_refused_without_taking_memory(bomb: bytes) -> None:
    forget_peak()
    before = peak_mb()
    with pytest.raises(TooLarge, match="found 60000 x 60000 = 3,600,000,000 pixels"):
        read_pixels(bomb, Preprocessing(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    assert peak_mb() - before < MEMORY_MB
    assert len(bomb) < 2000


def test_the_limit_on_pixels_is_their_number() -> None:
    file = encode(PICTURE, "PNG")
    pixels = PICTURE.width * PICTURE.height
    assert decode(file, max_bytes=MAX_BYTES, max_pixels=pixels).size == PICTURE.size
    with pytest.raises(TooLarge, match=f"expected at most {pixels - 1:,} pixels an image"):
        decode(file, max_bytes=MAX_BYTES, max_pixels=pixels - 1)


def test_the_limit_on_bytes_is_the_length_of_the_file() -> None:
    file = encode(PICTURE, "PNG")
    assert decode(file, max_bytes=len(file), max_pixels=MAX_PIXELS).size == PICTURE.size
    with pytest.raises(TooLarge, match=f"expected at most {len(file) - 1:,} bytes an image"):
        decode(file, max_bytes=len(file) - 1, max_pixels=MAX_PIXELS)


def test_bytes_are_counted_before_the_format_is_looked_at() -> None:
    with pytest.raises(TooLarge):
        decode(bytes(11), max_bytes=10, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("mode", ["I;16", "P", "LA"])
def test_a_picture_just_within_the_limit_takes_a_few_bytes_a_pixel(mode: str) -> None:
    big = Image.new(mode, (3000, 2000))
    file = encode(big, "PNG", **({"transparency": 0} if mode == "P" else {}))
    del big
    forget_peak()
    before = peak_mb()
    read_pixels(file, Preprocessing(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    assert (peak_mb() - before) * 2**20 < 16 * 3000 * 2000


def with_scans(count: int) -> bytes:
    """Repeat the last scan of a progressive JPEG until it has `count`; none changes the picture."""
    file = encode(PICTURE, "JPEG", progressive=True)
    last = file[file.rindex(b"\xff\xc4") : -2]  # with its Huffman table
    assert last.count(SCAN) == 1
    return file[:-2] + last * (count - file.count(SCAN)) + file[-2:]


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    # Each costs a pass over all pixels: 10 MB of them would keep a worker busy for an hour.
    with pytest.raises(TooLarge, match="expected a JPEG of at most 64 scans; found 5,000 scans; "):
        read_pixels(with_scans(5000), Preprocessing(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)


def test_usual_numbers_of_scans_are_accepted() -> None:
    for count in (10, 64):
        decode(with_scans(count), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    with pytest.raises(TooLarge):
        decode(with_scans(65), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)


def test_what_only_looks_like_scans_does_not_count() -> None:
    marks = SCAN * 500
    thumbnail_in_metadata = encode(PICTURE, "JPEG", progressive=True, comment=marks)
    video_at_the_end = encode(PICTURE, "JPEG") + b"\0\0\0\x18ftypmp42" + marks
    for file in (thumbnail_in_metadata, video_at_the_end):
        assert file.count(SCAN) > 500
        assert decode(file, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS).size == PICTURE.size


@pytest.mark.parametrize("hidden_by", [b"\xff\x01", b"\xff\xff", b"\xff\xd0\x7f\xff"])
def test_scans_cannot_be_hidden_from_the_count(hidden_by: bytes) -> None:
    # Markers without a length and fill bytes: the decoder reads on right behind them.
    file = with_scans(10)
    last = file[file.rindex(b"\xff\xc4") : -2]
    with pytest.raises(TooLarge, match="found 2,010 scans"):
        decode(
            file[:-2] + (hidden_by + last) * 2000 + file[-2:],
            max_bytes=MAX_BYTES,
            max_pixels=MAX_PIXELS,
        )


MANY = 70_000
JPEG, PNG, HEADER_OF_PNG = encode(PICTURE, "JPEG"), encode(PICTURE, "PNG"), 33


def tiff_table(tag: int, kind: int, count: int, *, in_exif: bool = False) -> bytes:
    """Write a TIFF with nothing but a table of `count` values."""
    table = struct.pack("<HHHII", 1, tag, kind, count, 8)
    pointer = struct.pack("<HHHII4x", 1, 0x8769, 4, 1, 26)
    return b"II*\0" + struct.pack("<I", 8) + (pointer if in_exif else b"") + table + bytes(4)


def big_tiff_table(tag: int, kind: int, count: int) -> bytes:
    table = struct.pack(">QHHQQ8x", 1, tag, kind, count, 16)
    return b"MM\0+" + struct.pack(">HHQ", 8, 0, 16) + table


MANY_PARTS = {
    "segments of a JPEG": JPEG[:2] + b"\xff\xe5\0\2" * MANY + JPEG[2:],
    "fill bytes between them": JPEG[:2] + b"\xff" * MANY + JPEG[2:],
    "chunks of a PNG": PNG[:HEADER_OF_PNG] + png_chunk(b"prVt", b"") * MANY + PNG[HEADER_OF_PNG:],
    "strips of a TIFF": tiff_table(273, 3, MANY),
    "tiles of a BigTIFF": big_tiff_table(324, 16, MANY),
    "fractions in its EXIF data": tiff_table(0x829A, 5, MANY, in_exif=True),
}


@pytest.mark.parametrize("file", MANY_PARTS.values(), ids=MANY_PARTS)
def test_a_file_of_endless_parts_is_refused(file: bytes) -> None:
    # Pillow reads them one by one, in Python: 10 MB of them would keep a worker for half a minute.
    with pytest.raises(TooLarge, match="expected a file of at most 65,536 segments, chunks, "):
        read_pixels(file, Preprocessing(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"])
def test_what_follows_the_picture_does_not_count(format_: str) -> None:
    file = encode(PICTURE, format_) + bytes(5 * 2**20)  # as transfers in whole blocks leave it
    assert decode_freely(file).size == PICTURE.size


def test_a_tiff_may_have_a_strip_for_each_row() -> None:
    tall = Image.new("L", (3, 20_000))
    buffer = io.BytesIO()
    tall.save(buffer, format="TIFF", tiffinfo={278: 1})
    assert decode(buffer.getvalue(), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS).size == tall.size


def jpeg_with_exif(size: int) -> bytes:
    """Write a JPEG with that many bytes of EXIF data, in as many segments as it takes."""
    parts = [min(65_000, size - start) for start in range(0, size, 65_000)]
    segments = (struct.pack(">HH", 0xFFE1, part + 8) + b"Exif\0\0" + bytes(part) for part in parts)
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def png_with_exif(size: int) -> bytes:
    end = len(PNG) - 12  # Pillow reads what comes after the pixels as well
    return PNG[:end] + png_chunk(b"eXIf", bytes(size)) + PNG[end:]


def webp_with_exif(size: int) -> bytes:
    return encode(PICTURE, "WEBP", exif=bytes(size))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("with_exif", [jpeg_with_exif, png_with_exif, webp_with_exif])
def test_exif_data_may_be_as_long_as_a_camera_writes_them(
    with_exif: Callable[[int], bytes],
) -> None:
    decode(with_exif(65_000), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    with pytest.raises(TooLarge, match="expected at most 65,536 bytes of EXIF data; found 65,60"):
        decode(with_exif(65_600), max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
