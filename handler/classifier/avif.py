"""Finds out what the decoder of an AVIF file will allocate, and which colours it has.

A decoder (libavif, in Pillow) believes the bitstream: a file of 1 kB that claims 64 x 64 pixels can
hold a frame of 268 million, or thousands of frames that are never shown. So everything coded is
counted, shown or not.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from classifier.av1 import measure
from classifier.heif_items import Heif, read_heif

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_IMAGES = 1024  # tiles, most of them
_BRANDS = (b"avif", b"avis")
_OF_HEIF = (b"mif1", b"msf1")  # says nothing about the codec; another brand does
_SRGB, _UNSPECIFIED = 1, 2  # ITU-T H.273, table 2: BT.709, whose primaries sRGB has


class Avif(NamedTuple):
    """What an AVIF file holds.

    Attributes:
        images: How many are coded in it, such as tiles and transparency.
        largest: Pixels of the largest frame, or of what is made of them.
        total: Pixels of all frames of all images.
        exif_at: Where the type of each item of EXIF data is written.
        primaries: The colours' code in H.273, if there is no ICC profile; 2 is unspecified.
        transfer: The same for their brightness.
        is_sequence: Whether it is a film.
        is_cropped: Whether it shows a part of what is coded only (its clean aperture).
    """

    images: int
    largest: int
    total: int
    exif_at: tuple[int, ...]
    primaries: int
    transfer: int
    is_sequence: bool
    is_cropped: bool


def is_avif(data: bytes) -> bool:
    """Whether a file's brands say that it is AVIF."""
    if data[4:8] != b"ftyp" or data[8:12] not in _BRANDS + _OF_HEIF:
        return False
    size = min(int.from_bytes(data[:4], "big"), 256)
    return any(data[place : place + 4] in _BRANDS for place in (8, *range(16, size, 4)))


def read_avif(data: bytes) -> Avif:
    """Read what a file holds.

    Raises:
        TooLarge: It has more parts than pictures have.
        ValueError: It is damaged.
    """
    heif = read_heif(data)
    images = [item for item in heif.items if item.kind == b"av01"]
    if not 0 < len(images) <= MAX_IMAGES:
        raise ValueError(f"it has {len(images)} images, not 1 to {MAX_IMAGES:,}")
    if sum(end - start for item in images for start, end in item.parts) > len(data):
        raise ValueError("images share their bytes")
    largest, total = 0, 0
    for item in images:
        coded = measure(item.contents(data))
        claimed = item.size[0] * item.size[1]  # a smaller frame is enlarged to it
        largest = max(largest, coded.pixels, claimed)
        total += max(coded.pixels * coded.frames, claimed)
    primaries, transfer = _colours(data, heif)
    return Avif(
        images=len(images),
        largest=max(largest, *_grids(data, heif)),
        total=total,
        exif_at=tuple(item.kind_at for item in heif.items if item.kind == b"Exif"),
        primaries=primaries,
        transfer=transfer,
        is_sequence=heif.is_sequence or data[8:12] == b"avis",
        is_cropped=any(box.kind == b"clap" for box in heif.properties),
    )


def without_exif(data: bytes, avif: Avif) -> bytes:
    """Return the file without EXIF data, which Pillow would read whatever their size.

    No pixel needs them: how to turn the picture is a property of the image.
    """
    if not avif.exif_at:
        return data
    changed = bytearray(data)
    for place in avif.exif_at:
        changed[place : place + 4] = b"free"
    return bytes(changed)


def _grids(data: bytes, heif: Heif) -> Iterator[int]:
    """Return the pixels of each picture that is composed of tiles, and 0."""
    yield 0
    for item in heif.items:
        if item.kind == b"grid":
            contents = item.contents(data)
            try:
                form = ">xxxxII" if contents[1] & 1 else ">xxxxHH"
                width, height = struct.unpack_from(form, contents)
            except (struct.error, IndexError) as error:
                raise ValueError("a grid breaks off") from error
            yield max(width * height, item.size[0] * item.size[1])


def _colours(data: bytes, heif: Heif) -> tuple[int, int]:
    """Return the codes of primaries and transfer; those of sRGB where an ICC profile counts."""
    codes = (_UNSPECIFIED, _UNSPECIFIED)
    for box in heif.properties:
        if box.kind == b"colr" and data[box.start : box.start + 4] != b"nclx":
            return _SRGB, _UNSPECIFIED
        if box.kind == b"colr" and box.end >= box.start + 8:
            codes = struct.unpack_from(">HH", data, box.start + 4)
    return codes
