"""Counts the parts of an image file before anything reads them.

Each part (segment, chunk, scan, strip, value in a table) costs time, however small it is: a million
of them fit into the largest accepted file, and would keep a worker busy until the server kills it,
together with all its requests. `classifier.images` limits bytes and pixels.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from classifier.errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

# Encoders write about a hundred; a TIFF with a strip per row has two values per row.
MAX_PARTS = 65_536
# A scan may be a few bytes long but costs a pass over all pixels; encoders write 1 to 20.
MAX_JPEG_SCANS = 64
# EXIF 2.32, section 4.7.2, allows one JPEG segment; Pillow joins several.
MAX_EXIF_BYTES = 65_536

_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1
# A marker with a length; all others occur within compressed data.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_TIFF = re.compile(rb"II[*+]\0|II\0\*|MM\0[*+]|MM\*\0")
_TIFF_DIRECTORIES = {0x8769, 0x8825, 0xA005}  # EXIF, GPS and interoperability
_TIFF_BYTES = {1, 2, 6, 7}  # types whose values are single bytes, which cost nothing each
_TIFF_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


class Parts(NamedTuple):
    """The numbers of parts in a file.

    Attributes:
        number: Segments, chunks, strips and values; 0 for a format not read part by part.
        scans: Upper bound for a JPEG; includes byte sequences in other data that look like one.
        coded_pixels: Pixels of all frames of an AVIF file.
    """

    number: int = 0
    scans: int = 1
    coded_pixels: int = 0


def check_parts(data: bytes) -> Parts:
    """Refuse a file with too many parts, for the formats that Pillow reads part by part.

    Returns:
        The number of parts.

    Raises:
        TooLarge: There are too many.
    """
    scans = 1
    if data.startswith(b"\xff\xd8\xff"):
        parts, exif_bytes = _measure_jpeg_header(data)
        check_exif(exif_bytes)
        scans = _bound_jpeg_scans(data)
        _check_scans(scans)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        parts = _count_png_chunks(data)
    elif _TIFF.match(data):
        parts = _count_tiff_values(data)
    else:
        return Parts()
    if parts > MAX_PARTS:
        raise TooLarge(
            expected=f"a file of at most {MAX_PARTS:,} segments, chunks, strips or other parts",
            found="more than that",
            remedy="save the image again",
        )
    return Parts(parts, scans)


def check_exif(size: int) -> None:
    """Refuse EXIF data of more than `MAX_EXIF_BYTES`.

    Raises:
        TooLarge: There are more bytes.
    """
    if size > MAX_EXIF_BYTES:
        raise TooLarge(
            expected=f"at most {MAX_EXIF_BYTES:,} bytes of EXIF data",
            found=f"{size:,}",
            remedy="save the image without them",
        )


def has_whole_directory(data: bytes) -> bool:
    """Whether the first directory of a TIFF and all its values lie within the file."""
    tiff, first = _tiff_layout(data)
    if first + tiff.number.size > len(data):
        return False
    entries = list(_tiff_entries(data, first, tiff))
    (count,) = tiff.number.unpack_from(data, first)
    return len(entries) == count and all(
        size * _TIFF_SIZES.get(kind, 1) <= tiff.place.size
        or tiff.place.unpack(value)[0] + size * _TIFF_SIZES.get(kind, 1) <= len(data)
        for _, kind, size, value in entries
    )


def _check_scans(scans: int) -> None:
    if scans > MAX_JPEG_SCANS:
        raise TooLarge(
            expected=f"a JPEG of at most {MAX_JPEG_SCANS} scans",
            found=f"{scans:,} scans",
            remedy="save the image again, not progressive",
        )


def _measure_jpeg_header(data: bytes) -> tuple[int, int]:
    """Count the parts before the first scan, and the bytes of the EXIF data."""
    parts, exif_bytes, place = 0, 0, 2
    while parts <= MAX_PARTS and (marker := _JPEG_MARKER.search(data, place)):
        parts += 1 + marker.start() - place  # bytes between segments are read one by one
        kind, start = data[marker.end() - 1], marker.end()
        if kind == _SCAN:
            break
        place = start + int.from_bytes(data[start : start + 2], "big")
        if kind == _APP1 and data.startswith(b"Exif\0\0", start + 2):
            exif_bytes += place - start - 8  # without the length and the name
    return parts, exif_bytes


def _bound_jpeg_scans(data: bytes) -> int:
    marks = data.count(b"\xff\xda")
    # Includes scans in thumbnails and in whatever follows the picture.
    return marks if marks <= MAX_JPEG_SCANS else count_jpeg_scans(data)


def count_jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG's first picture."""
    scans, place = 0, 2
    while (marker := _JPEG_MARKER.search(data, place)) and data[marker.end() - 1] != _END_OF_IMAGE:
        scans += data[marker.end() - 1] == _SCAN
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return scans


def _count_png_chunks(data: bytes) -> int:
    """Count the chunks up to the last one; Pillow reads nothing after it."""
    chunks, place = 0, 8
    while place < len(data) and chunks <= MAX_PARTS:
        chunks += 1
        if data[place + 4 : place + 8] == b"IEND":
            break
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return chunks


def _count_tiff_values(data: bytes) -> int:
    """Count the values in the tables of a TIFF's first picture."""
    tiff, first = _tiff_layout(data)
    values, directories = 0, [first]
    for directory in directories:
        for tag, kind, count, value in _tiff_entries(data, directory, tiff):
            values += 1 + (count if kind not in _TIFF_BYTES else 0)
            if tag in _TIFF_DIRECTORIES and directory == first:
                directories.append(tiff.place.unpack(value)[0])
            if values > MAX_PARTS:
                return values
    return values


class _TiffLayout(NamedTuple):
    """How a TIFF stores an offset, the number of a directory's entries, and an entry."""

    place: struct.Struct
    number: struct.Struct
    entry: struct.Struct


def _tiff_layout(data: bytes) -> tuple[_TiffLayout, int]:
    """Read the header of a TIFF; return its layout and the offset of its first directory."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = b"+" in data[2:4]  # BigTIFF, with 8-byte offsets and counts
    forms = ("Q", "Q", "HHQ8s") if is_big else ("I", "H", "HHI4s")
    tiff = _TiffLayout(*(struct.Struct(order + form) for form in forms))
    (first,) = tiff.place.unpack_from(data.ljust(16, b"\0"), 8 if is_big else 4)
    return tiff, first


def _tiff_entries(
    data: bytes, directory: int, tiff: _TiffLayout
) -> Iterator[tuple[int, int, int, bytes]]:
    """Read tag, type, number of values, and the values or their offset, of each entry."""
    start = directory + tiff.number.size
    if start > len(data):
        return
    (count,) = tiff.number.unpack_from(data, directory)
    end = min(start + count * tiff.entry.size, len(data))
    yield from tiff.entry.iter_unpack(data[start : end - (end - start) % tiff.entry.size])
