"""Image files of variants that Pillow reads but does not write, sample by sample."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from tests.pictures import png_chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.integer] | NDArray[np.floating]

WIDTH, HEIGHT = 32, 24
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH]
# Ramps of 0 to 1: grey [H, W], and colour [H, W, 3].
GREY = (_X + _Y) / (HEIGHT + WIDTH - 2)
COLOUR = np.stack([_X / (WIDTH - 1), _Y / (HEIGHT - 1), GREY], axis=-1)


def packed(samples: Samples, bits: int) -> bytes:
    """Pack rows of unsigned samples [H, ...] of 1 to 16 bits, the highest bit first."""
    rows = []
    for row in samples.reshape(len(samples), -1):
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[place : place + 8], 2) for place in range(0, len(text), 8)))
    return b"".join(rows)


def png(depth: int, colour_type: int, samples: Samples, transparent: bytes = b"") -> bytes:
    """Write a PNG of samples [H, W] or [H, W, C]; `transparent` is the contents of tRNS."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    scan_lines = b"".join(b"\0" + packed(samples[y : y + 1], depth) for y in range(height))
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            png_chunk(b"tRNS", transparent) if transparent else b"",
            png_chunk(b"IDAT", zlib.compress(scan_lines)),
            png_chunk(b"IEND", b""),
        ]
    )


def tiff(  # noqa: PLR0913  one for each tag that matters
    samples: Samples,
    bits: int,
    photometric: int,
    *,
    order: str = "<",
    sample_format: int = 1,
    planar: bool = False,
    deflated: bool = False,
) -> bytes:
    """Write a TIFF with one strip, or one a plane.

    Args:
        samples: [H, W] or [H, W, C].
        bits: Of a sample; below 8 and at 12 they are packed.
        photometric: 0 for WhiteIsZero, 1 for BlackIsZero, 2 for RGB.
        order: ``<`` for II, ``>`` for MM.
        sample_format: 1 unsigned, 2 signed, 3 floating point.
        planar: Whether each channel is stored apart.
        deflated: Whether strips are compressed, which libtiff reads in Pillow's place.
    """
    height, width = samples.shape[:2]
    channels = samples.shape[2] if samples.ndim == 3 else 1
    planes = np.moveaxis(samples, -1, 0) if planar else [samples]
    kind = {1: "u", 2: "i", 3: "f"}[sample_format]
    if bits in (8, 16, 32, 64):
        strips = [plane.astype(f"{order}{kind}{bits // 8}").tobytes() for plane in planes]
    else:
        strips = [packed(plane, bits) for plane in planes]
    if deflated:
        strips = [zlib.compress(strip) for strip in strips]
    values = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits] * channels),
        259: ("H", [8 if deflated else 1]),
        262: ("H", [photometric]),
        273: ("I", [0] * len(strips)),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if planar else 1]),
        339: ("H", [sample_format] * channels),
    }
    place = 8 + 2 + 12 * len(values) + 4 + 4 * 3 * len(values)  # behind the longest values
    values[273] = ("I", [place + sum(map(len, strips[:index])) for index in range(len(strips))])
    return _assembled(values, strips, order, place)


def _assembled(
    values: dict[int, tuple[str, list[int]]], strips: list[bytes], order: str, place: int
) -> bytes:
    """Put header, directory, long values and strips together; the strips start at `place`."""
    directory, further = b"", b""
    start = 8 + 2 + 12 * len(values) + 4
    for tag, (kind, numbers) in values.items():
        data = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        if len(data) > 4:
            data, further = struct.pack(f"{order}I", start + len(further)), further + data
        directory += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(numbers))
        directory += data.ljust(4, b"\0")
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    count = struct.pack(f"{order}H", len(values))
    return (header + count + directory + bytes(4) + further).ljust(place, b"\0") + b"".join(strips)
