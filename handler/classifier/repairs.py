"""Repairs files whose missing or damaged parts affect no pixel.

Cameras and browsers leave out the last two bytes of a JPEG; tools put megabytes of text, or a
damaged profile, into a PNG. Such a file has all its pixels, so it is repaired before it is read.
Damage to pixels stays an error.
"""

from __future__ import annotations

import io
import re
import zlib

import numpy as np
from PIL import Image

_PNG = b"\x89PNG\r\n\x1a\n"
_LENGTH_AND_NAME, _CRC = 8, 4
# The ancillary chunks that affect what is seen: transparency, orientation, colours.
_SEEN = {b"tRNS", b"eXIf", b"iCCP"}
_MAX_PROFILE_CHUNK = 2**20  # compressed; Pillow refuses a picture whose profile unpacks to more
_ANCILLARY = 0x20  # the bit of a chunk's first letter (PNG, Third Edition, section 5.4)

_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
_SCAN, _PROGRESSIVE = 0xDA, {0xC2, 0xCA}
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xda-\xfe])")  # a marker with a length
_SMALL = (16, 16)  # the comparison decodes a JPEG at an eighth of its size
# Entropy-coded data that a decoder reads as coefficients if it still expects any.
_NOISE = np.random.default_rng(0).integers(1, 255, 64, np.uint8).tobytes()


def without_ancillary_chunks(data: bytes) -> bytes:
    """Return a PNG without the chunks that no pixel needs; other files unchanged.

    An intact chunk for transparency, orientation or colours is kept.
    """
    if not data.startswith(_PNG):
        return data
    view, place, dropped = memoryview(data), len(_PNG), False
    kept: list[bytes | memoryview] = [_PNG]
    while place + _LENGTH_AND_NAME <= len(data):
        name = data[place + 4 : place + 8]
        end = place + _LENGTH_AND_NAME + int.from_bytes(data[place : place + 4], "big") + _CRC
        chunk = view[place:end]
        if not name[0] & _ANCILLARY or (name in _SEEN and _is_intact(name, chunk)):
            kept.append(chunk)
        else:
            dropped = True
        place = end
        if name == b"IEND":
            break
    return b"".join(kept) if dropped else data


def with_end_marker(data: bytes) -> bytes:
    """Add the end marker to a JPEG that lacks only that; return other files unchanged.

    If pixels are missing, a decoder reads whatever follows as their data. So the file is complete
    if the picture stays the same with noise before the marker.
    """
    if not data.startswith(b"\xff\xd8\xff") or data.endswith(_END_OF_IMAGE):
        return data
    last_scan = data.rfind(_START_OF_SCAN)
    if last_scan < 0 or data.find(_END_OF_IMAGE, last_scan) >= 0 or not _has_all_scans(data):
        return data
    ended = data.rstrip(b"\xff") + _END_OF_IMAGE
    try:
        same = _seen(ended) == _seen(ended[:-2] + _NOISE + _END_OF_IMAGE)
    except Exception:  # noqa: BLE001  Pillow raises many types; decoding reports the error
        return data
    return ended if same else data


def _has_all_scans(data: bytes) -> bool:
    """Whether a JPEG's scans contain every coefficient at full precision.

    A baseline picture has one scan; the last one of a progressive picture is recognised by what the
    earlier scans left out (ITU-T T.81, G.1.1.1: the spectral selection and the bit position).
    """
    missing: dict[int, set[int]] = {}  # by component, of the coefficients 0 to 63
    place = 2
    while marker := _MARKER.search(data, place):
        kind, start = marker[1][0], marker.end()
        segment = data[start + 2 : start + int.from_bytes(data[start : start + 2], "big")]
        place = start + 2 + len(segment)
        if kind in _PROGRESSIVE:
            missing = {segment[index]: set(range(64)) for index in range(6, len(segment), 3)}
        elif kind == _SCAN and len(segment) >= 1 + 2 * segment[0] + 3:
            first, last, bits = segment[1 + 2 * segment[0] :][:3]
            if not bits & 15:  # down to the lowest bit
                for component in segment[1 : 1 + 2 * segment[0] : 2]:
                    missing.get(component, set()).difference_update(range(first, last + 1))
    return not any(missing.values())


def _is_intact(name: bytes, chunk: memoryview) -> bool:
    """Whether a chunk is complete and, if it is a profile, readable by Pillow."""
    body = chunk[4:-_CRC]
    if zlib.crc32(body).to_bytes(4, "big") != chunk[-_CRC:]:
        return False
    if name != b"iCCP":
        return True
    _, _, rest = bytes(chunk[_LENGTH_AND_NAME:-_CRC]).partition(b"\0")
    if not rest.startswith(b"\0"):  # the only compression method that is defined
        return False
    unpack = zlib.decompressobj()
    try:
        unpack.decompress(rest[1:], _MAX_PROFILE_CHUNK)
    except zlib.error:
        return False
    return unpack.eof


def _seen(jpeg: bytes) -> bytes:
    image = Image.open(io.BytesIO(jpeg), formats=["JPEG"])
    image.draft(None, _SMALL)
    return image.tobytes()
