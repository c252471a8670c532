"""Reads an image file's header and checks the limits.

All that costs time or memory comes afterwards: `classifier.images` decodes what was opened here.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

from PIL import Image
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from classifier.errors import InvalidImage, TooLarge, UnsupportedFormat
from classifier.image_kinds import ACCEPTED, ACCEPTED_FORMATS, error_of, refuse_jpeg_process
from classifier.image_parts import check_parts
from classifier.repairs import without_ancillary_chunks
from classifier.work import decode_seconds

_BMP_RUN_LENGTHS = {1, 2}  # BI_RLE8 and BI_RLE4

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
    parts = check_parts(data)
    refuse_jpeg_process(data)
    sound = without_ancillary_chunks(data)
    try:
        image = Image.open(io.BytesIO(sound), formats=ACCEPTED_FORMATS)
    except Exception as error:  # Pillow's readers raise errors of many unrelated types
        raise error_of(data) from error
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


def _decoded_size(image: Image.Image) -> tuple[int, int]:
    """Return the decompressed width and height: a TIFF's tiles may exceed the picture."""
    if not isinstance(image, TiffImageFile):
        return image.size
    width, height = image.tag_v2.get(TILEWIDTH), image.tag_v2.get(TILELENGTH)
    tile = (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)
    return max(image.size, tile, key=math.prod)
