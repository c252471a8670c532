"""Reads an image file's header and checks the limits.

All that costs time or memory comes afterwards: `classifier.images` decodes what was opened here.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import AvifImagePlugin, Image
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from classifier.avif import Avif, is_avif, read_avif, without_exif
from classifier.colour import DISPLAY_P3_CODE, display_p3
from classifier.errors import InvalidImage, TooLarge, UnsupportedFormat
from classifier.image_kinds import (
    ACCEPTED,
    ACCEPTED_FORMATS,
    damaged_avif,
    error_of,
    refuse_avif_kind,
    refuse_jpeg_process,
)
from classifier.image_parts import Parts, check_parts
from classifier.repairs import without_ancillary_chunks
from classifier.work import decode_seconds

_BMP_RUN_LENGTHS = {1, 2}  # BI_RLE8 and BI_RLE4

_ALL_BUT_AVIF = tuple(form for form in ACCEPTED_FORMATS if form != "AVIF")
# Pixels of all that an AVIF codes, as a multiple of those that it may show: transparency doubles
# them, and tiles reach a little beyond the edges.
_AVIF_LAYERS = 2.1
# The pool of threads decodes several images at a time, each with one.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# `open_image` checks its own pixel limit first, on every image, with a clearer error.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Opened:
    """An image file within the limits, not yet decompressed.

    Attributes:
        data: The contents of the file, without the parts that no pixel needs.
        image: Its header.
        decode_s: Estimated time to open and decode it, in seconds of one core.
    """

    data: bytes
    image: Image.Image
    decode_s: float


def open_image(
    data: bytes, *, max_bytes: int, max_pixels: int, max_decode_s: float = math.inf
) -> Opened:
    """Read an image file's header and check the limits.

    Args:
        data: The contents of the file.
        max_bytes: Largest accepted file, in bytes.
        max_pixels: Largest accepted width times height.
        max_decode_s: Longest accepted decoding time, estimated in seconds of one core.

    Raises:
        InvalidImage: The file is empty or not an image.
        TooLarge: One of the limits is exceeded.
        UnsupportedFormat: It is an image, but not in an accepted format.
    """
    if not data:
        raise InvalidImage(expected=ACCEPTED, found="an empty file", remedy="send its bytes")
    if len(data) > max_bytes:
        raise TooLarge(
            expected=f"at most {max_bytes:,} bytes an image",
            found=f"{len(data):,} bytes",
            remedy="send a smaller or more strongly compressed image",
        )
    if is_avif(data):
        image, sound, parts = _open_avif(data, max_pixels)
    else:
        parts = check_parts(data)
        refuse_jpeg_process(data)
        sound = without_ancillary_chunks(data)
        image = _open(sound, data, _ALL_BUT_AVIF)
    width, height = _decoded_size(image)
    if width * height > max_pixels:
        raise TooLarge(
            expected=f"at most {max_pixels:,} pixels an image",
            found=f"{width} x {height} = {width * height:,} pixels",
            remedy="send the image at a smaller size",
        )
    if image.format == "BMP" and image.info.get("compression") in _BMP_RUN_LENGTHS:
        raise UnsupportedFormat(  # Pillow reads it pixel by pixel: half a minute if it is large
            expected=ACCEPTED,
            found="a BMP file with run-length encoding",
            remedy="save it without, or as PNG",
        )
    decode_s = decode_seconds(image, sound, width * height, parts)
    if decode_s > max_decode_s:
        raise TooLarge(
            expected=f"an image that decodes in about {max_decode_s:g} s at most",
            found=f"one of {width} x {height} pixels that takes about {decode_s:.0f} s",
            remedy="send it at a smaller size, or save it as a plain JPEG",
        )
    return Opened(sound, image, decode_s)


def _open(sound: bytes, data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """Read the header of `sound`, which was made from the file `data`."""
    try:
        return Image.open(io.BytesIO(sound), formats=formats)
    except Exception as error:  # Pillow's readers raise errors of many unrelated types
        raise error_of(data) from error


def _open_avif(data: bytes, max_pixels: int) -> tuple[Image.Image, bytes, Parts]:
    """Read the header of an AVIF file, after what its decoder will allocate."""
    try:
        avif = read_avif(data)
    except ValueError as error:
        raise damaged_avif(error) from error
    refuse_avif_kind(avif)
    _check_coded(avif, max_pixels)
    sound = without_exif(data, avif)
    image = _open(sound, data, ("AVIF",))
    if avif.primaries == DISPLAY_P3_CODE:
        image.info.setdefault("icc_profile", display_p3())
    return image, sound, Parts(number=avif.images, coded_pixels=avif.total)


def _check_coded(avif: Avif, max_pixels: int) -> None:
    if avif.largest > max_pixels or avif.total > _AVIF_LAYERS * max_pixels:
        raise TooLarge(
            expected=f"at most {max_pixels:,} pixels an image",
            found=f"an AVIF file that codes {max(avif.largest, avif.total):,}",
            remedy="send the image at a smaller size",
        )


def _decoded_size(image: Image.Image) -> tuple[int, int]:
    """Return the decompressed width and height: a TIFF's tiles may exceed the picture."""
    if not isinstance(image, TiffImageFile):
        return image.size
    width, height = image.tag_v2.get(TILEWIDTH), image.tag_v2.get(TILELENGTH)
    tile = (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)
    return max(image.size, tile, key=math.prod)
