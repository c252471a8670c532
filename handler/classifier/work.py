"""Estimates an image's decoding time from its header, before anything is decompressed.

The same number of pixels costs a hundred times more in one format than in another, and a file of
2 kB can hold as many as one of 10 MB. The estimates are seconds on one core of an AMD EPYC (Zen 3)
and err on the long side: they bound what a request may cost and set the order of work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL.TiffImagePlugin import STRIPOFFSETS, TILEOFFSETS, TiffImageFile

from classifier.image_parts import count_jpeg_scans

if TYPE_CHECKING:
    from PIL import Image

    from classifier.image_parts import Parts

_NS = 1e-9
# Measured on pictures that are slow to decode: flat, smooth and noisy ones differ by a factor of 8.
_JPEG_SCAN = 3.5  # per pixel and scan, from 64 scans of 50 megapixels
_JPEG_BYTE = 8.0  # per byte of compressed data
_WEBP = 46.0  # per pixel
_PNG_OPAQUE, _PNG_TRANSPARENT = 50.0, 150.0
_GIF, _BMP = 15.0, 10.0
_AVIF, _AVIF_BYTE = 45.0, 100.0  # per coded pixel, and per byte of compressed data
_TIFF, _TIFF_WIDE = 120.0, 170.0  # with 8-bit samples; with 16 or 32 bits
_PART = 4000.0  # per segment, chunk or value, which Python reads one by one
_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
# `classifier.repairs` decodes a JPEG without an end marker twice, to check that it is complete.
_PASSES_WITHOUT_END = 3


def decode_seconds(image: Image.Image, data: bytes, pixels: int, parts: Parts) -> float:
    """Estimate how long an image takes to open and decode, in seconds of one core.

    Args:
        image: Opened but not loaded.
        data: The contents of its file.
        pixels: Number of pixels that are decompressed.
        parts: The file's numbers of parts.
    """
    match image.format:
        case "JPEG" | "MPO":
            cost = _jpeg(data, pixels, parts.scans)
        case "WEBP":
            cost = _WEBP * pixels
        case "PNG":
            has_alpha = image.has_transparency_data
            cost = (_PNG_TRANSPARENT if has_alpha else _PNG_OPAQUE) * pixels
        case "GIF":
            cost = _GIF * pixels
        case "AVIF":
            cost = _AVIF * parts.coded_pixels + _AVIF_BYTE * len(data)
        case "BMP" | "DIB":
            cost = _BMP * pixels
        case _:
            cost = _tiff(image, data, pixels)
    return (cost + _PART * parts.number) * _NS


def _jpeg(data: bytes, pixels: int, scans: int) -> float:
    is_ended = data.endswith(_END_OF_IMAGE) or (
        data.find(_END_OF_IMAGE, max(0, data.rfind(_START_OF_SCAN))) >= 0
    )
    passes = 1 if is_ended else _PASSES_WITHOUT_END
    if scans > 1:  # or a thumbnail has one
        scans = max(1, count_jpeg_scans(data))
    return passes * (_JPEG_SCAN * pixels * max(1, scans) + _JPEG_BYTE * len(data))


def _tiff(image: Image.Image, data: bytes, pixels: int) -> float:
    if image.mode.startswith(("I", "F")):
        return _TIFF_WIDE * pixels
    cost = _TIFF * pixels
    if isinstance(image, TiffImageFile) and "jpeg" in str(image.info.get("compression")):
        # All strips or tiles have the same number of pixels; each is a JPEG with its own scans.
        parts = image.tag_v2.get(TILEOFFSETS) or image.tag_v2.get(STRIPOFFSETS) or ()
        scans = data.count(_START_OF_SCAN) / max(1, len(parts))
        cost = max(cost, _JPEG_SCAN * pixels * scans)
    return cost
