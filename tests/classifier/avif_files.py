"""Writes AVIF files of kinds that Pillow reads but does not write, hostile ones among them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from classifier.heif_items import read_heif
from tests.pictures import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image


def box(kind: bytes, *contents: bytes) -> bytes:
    """Frame a box."""
    body = b"".join(contents)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    """Frame a box with a version and flags."""
    return box(kind, bytes([version]) + flags.to_bytes(3, "big"), *contents)


def coded(image: Image.Image) -> bytes:
    """Encode an image as AV1, without a container."""
    file = encode(image, "AVIF", speed=10, quality=90)
    (item,) = [item for item in read_heif(file).items if item.kind == b"av01"]
    return item.contents(file)


def avif(  # noqa: PLR0913 - what a file is made of
    images: Sequence[bytes],
    size: tuple[int, int],
    *,
    grid: tuple[int, int, int, int] | None = None,
    nclx: tuple[int, int, int] = (1, 13, 6),
    exif: bytes | None = None,
    aperture: tuple[int, int] | None = None,
) -> bytes:
    """Write a file.

    Args:
        images: AV1 data of each image; the first one is shown.
        size: What the file claims of each.
        grid: Show a grid instead: its rows, columns, width and height.
        nclx: Codes of primaries, transfer and matrix.
        exif: EXIF data, with their offset.
        aperture: Width and height of the part around the centre that is shown.
    """
    items = [(b"av01", data) for data in images]
    if grid:
        rows, columns, *shown = grid
        items.append((b"grid", bytes([0, 0, rows - 1, columns - 1]) + struct.pack(">HH", *shown)))
    if exif is not None:
        items.append((b"Exif", exif))
    primary = 1 + len(images) if grid else 1
    shown = list(grid[2:]) if grid else list(size)
    properties = [
        full_box(b"ispe", struct.pack(">II", *size)),
        full_box(b"pixi", b"\3\x08\x08\x08"),
        box(b"av1C", b"\x81\x1f\x0c\0"),  # 4:2:0 of 8 bits, as Pillow writes it
        box(b"colr", b"nclx", struct.pack(">HHHB", *nclx, 0x80)),
        full_box(b"ispe", struct.pack(">II", *shown)),
    ]
    if aperture:
        width, height = aperture
        properties.append(box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1)))
    used_by_image = b"\5\1\2\x83\4\x86" if aperture else b"\4\1\2\x83\4"
    number_of = range(1, 1 + len(items))
    uses = {
        number: used_by_image if kind == b"av01" else b"\3\5\2\4"
        for number, (kind, _) in zip(number_of, items, strict=True)
        if kind != b"Exif"
    }
    entries = [
        full_box(b"infe", struct.pack(">HH4s", number, 0, kind) + b"\0", version=2)
        for number, (kind, _) in zip(number_of, items, strict=True)
    ]
    tiles = list(range(1, 1 + len(images)))
    references = (
        [box(b"dimg", struct.pack(f">HH{len(tiles)}H", primary, len(tiles), *tiles))]
        if grid
        else []
    )
    if exif is not None:
        references.append(box(b"cdsc", struct.pack(">HHH", len(items), 1, primary)))

    def meta(start: int) -> bytes:
        places = b""
        for number, (_, data) in zip(number_of, items, strict=True):
            places += struct.pack(">HHHII", number, 0, 1, start, len(data))
            start += len(data)
        return full_box(
            b"meta",
            full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            full_box(b"pitm", struct.pack(">H", primary)),
            full_box(b"iloc", b"\x44\0" + struct.pack(">H", len(items)) + places),
            full_box(b"iinf", struct.pack(">H", len(items)), *entries),
            full_box(b"iref", *references) if references else b"",
            box(
                b"iprp",
                box(b"ipco", *properties),
                full_box(
                    b"ipma",
                    struct.pack(">I", len(uses)),
                    *(struct.pack(">H", number) + used for number, used in uses.items()),
                ),
            ),
        )

    head = box(b"ftyp", b"avif", bytes(4), b"avifmif1miafMA1B")
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(data for _, data in items))
