"""Reads how large the frames of an AV1 image are, and how many, before anything decodes them.

The container's size is a claim: a decoder allocates what the bitstream says. Source: AV1 Bitstream
& Decoding Process Specification, sections 5.3 to 5.5.
"""

from __future__ import annotations

from typing import NamedTuple

_SEQUENCE_HEADER, _FRAMES = 1, {3, 6, 7}  # types of OBUs; a frame, its header, a copy of that
_MAX_UNITS = 256  # of one image; encoders write about four
_LONGEST_LENGTH = 8  # bytes of a leb128
_LONG_LEVEL = 7  # levels above it are followed by a tier


class Coded(NamedTuple):
    """What an AV1 image consists of.

    Attributes:
        pixels: Of its largest frame.
        frames: Upper bound for their number.
    """

    pixels: int
    frames: int


class _Bits:
    """Reads numbers of some bits, the highest first; raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int) -> int:
        start, self._place = self._place, self._place + count
        if self._place > 8 * len(self._data):
            raise ValueError("a sequence header that breaks off")
        end = -(-self._place // 8)
        value = int.from_bytes(self._data[start // 8 : end], "big")
        return value >> (8 * end - self._place) & ((1 << count) - 1)


def measure(data: bytes) -> Coded:
    """Read the frames of an image, which is a sequence of OBUs.

    Raises:
        ValueError: It is none.
    """
    pixels, frames, units, place = 0, 0, 0, 0
    while place < len(data):
        units += 1
        if units > _MAX_UNITS:
            raise ValueError(f"an AV1 image of more than {_MAX_UNITS} units")
        kind, start, place = _next_unit(data, place)
        if kind == _SEQUENCE_HEADER:
            pixels = max(pixels, _largest_frame(data[start:place]))
        frames += kind in _FRAMES
    if not pixels or not frames:
        raise ValueError("an AV1 image without a frame")
    return Coded(pixels, frames)


def _next_unit(data: bytes, place: int) -> tuple[int, int, int]:
    """Return the type of the OBU at a place, and where its contents begin and end."""
    header = data[place]
    start = place + (2 if header & 4 else 1)
    size = len(data) - start
    if header & 2:
        size = 0
        for index in range(_LONGEST_LENGTH):
            if start >= len(data):
                break
            byte = data[start]
            size |= (byte & 127) << 7 * index
            start += 1
            if byte < 128:  # noqa: PLR2004  the highest bit says that more follow
                break
    if header & 128 or start + size > len(data) or size < 0:
        raise ValueError("an AV1 image that breaks off")
    return header >> 3 & 15, start, start + size


def _largest_frame(header: bytes) -> int:
    """Return the pixels of the largest frame that a sequence header allows."""
    bits = _Bits(header)
    bits.take(4)  # profile, still picture
    if bits.take(1):  # reduced header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    return (bits.take(width_bits) + 1) * (bits.take(height_bits) + 1)


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = None
    if bits.take(1):  # timing information
        bits.take(64)
        if bits.take(1):  # equal intervals, with an exp-Golomb number
            zeros = 0
            while not bits.take(1):
                zeros += 1
            bits.take(zeros)
        if bits.take(1):  # decoder model
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_display_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > _LONG_LEVEL:
            bits.take(1)
        if delay_bits and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_display_delay and bits.take(1):
            bits.take(4)
