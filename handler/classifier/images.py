"""From the bytes of an image file to the pixels that the network sees.

This is the only place where an image is decoded or resized: training's evaluation, the archive's
verification and the handler call `decode` and `to_pixels`, so what was measured is what is served.
It equals the original's `Resize(256), CenterCrop(224)` on a Pillow image (antialiased bilinear)
up to one grey level; normalisation belongs to the compiled model.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from classifier.errors import InvalidImage, RequestError, TooLarge, UnsupportedFormat

if TYPE_CHECKING:
    from classifier.description import Preprocessing

Pixels = NDArray[np.uint8]  # RGB, [H, W, 3] for one image, [N, H, W, 3] for a batch

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_ACCEPTED = "an image in JPEG, PNG, WebP, BMP, GIF or TIFF format"

# Known by their first bytes, so that Pillow's rarer decoders never see a stranger's data.
_OTHER_FORMATS = {
    (0, b"%PDF"): "PDF",
    (0, b"8BPS"): "Photoshop",
    (0, b"\x00\x00\x01\x00"): "ICO",
    (0, b"\x00\x00\x00\x0cjP  "): "JPEG 2000",
    (0, b"\x00\x00\x00\x0cJXL "): "JPEG XL",
    (0, b"\xff\x0a"): "JPEG XL",
    (0, b"<svg"): "SVG",
    (0, b"<?xml"): "SVG or XML",
    (4, b"ftypavif"): "AVIF",
    (4, b"ftyphei"): "HEIC",
    (4, b"ftypmif1"): "HEIC",
    (4, b"ftyp"): "MP4 or QuickTime",
}

# The limit on pixels below is checked first, on every image, with an answer of its own.
Image.MAX_IMAGE_PIXELS = None


def decode(data: bytes, *, max_bytes: int, max_pixels: int) -> Image.Image:
    """Decode an image file of any mode and size; the first frame if there are several.

    Both limits are checked before anything is decompressed.

    Args:
        data: The contents of the file.
        max_bytes: Largest accepted file, in bytes.
        max_pixels: Largest accepted width times height.

    Returns:
        The decoded image in its own mode, not yet turned upright; see `to_pixels`.

    Raises:
        InvalidImage: The file is empty, truncated, or no image.
        TooLarge: One of the limits is exceeded.
        UnsupportedFormat: It is an image, in another format than the accepted ones.
    """
    if not data:
        raise InvalidImage(expected=_ACCEPTED, found="an empty file", remedy="send its bytes")
    if len(data) > max_bytes:
        raise TooLarge(
            expected=f"at most {max_bytes:,} bytes an image",
            found=f"{len(data):,} bytes",
            remedy="send a smaller or more strongly compressed image",
        )
    try:
        image = Image.open(io.BytesIO(data), formats=ACCEPTED_FORMATS)
    except Exception as error:  # Pillow's readers raise errors of many unrelated types
        raise _not_accepted(data) from error
    width, height = image.size
    if width * height > max_pixels:
        raise TooLarge(
            expected=f"at most {max_pixels:,} pixels an image",
            found=f"{width} x {height} = {width * height:,} pixels",
            remedy="send the image at a smaller size",
        )
    try:
        image.load()
    except Exception as error:  # as above
        raise InvalidImage(
            expected="a complete image file",
            found=f"a {image.format} file that breaks off or is damaged ({error})",
            remedy="check that the whole file was sent",
        ) from error
    return image


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """Turn a decoded image into the network's input, uint8 RGB [crop, crop, 3].

    The short side is resized to `preprocessing.resize` and the centre cropped, both in one call
    that computes no pixel outside the crop. An EXIF rotation is applied to the small result.
    """
    width, height = image.size
    # As torchvision rounds: the long side down, the margins to the nearest even.
    resized = [int(preprocessing.resize * side / min(width, height)) for side in (width, height)]
    left, top = (round((side - preprocessing.crop) / 2) for side in resized)
    step_x, step_y = width / resized[0], height / resized[1]  # source pixels a result pixel
    box = (
        left * step_x,
        top * step_y,
        min((left + preprocessing.crop) * step_x, width),
        min((top + preprocessing.crop) * step_y, height),
    )
    size = (preprocessing.crop, preprocessing.crop)
    small = to_rgb(image).resize(size, Image.Resampling.BILINEAR, box=box)
    return np.asarray(_upright(small, image))


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB; transparent parts show white."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        image = _to_8_bit(image)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16 and 32 bit greyscale to 8 bit; Pillow's own conversion would clip it."""
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F":  # floating point images hold 0..1 or 0..255
        scale = 255.0 if values.max(initial=0) <= 1 else 1.0
    else:
        full = 255 if values.max(initial=0) <= 255 else 65535  # noqa: PLR2004
        scale = 255 / (full if values.max(initial=0) <= full else 2**32 - 1)
    grey = np.nan_to_num(values * scale).clip(0, 255).round().astype(np.uint8)
    return Image.fromarray(grey)


def _upright(small: Image.Image, image: Image.Image) -> Image.Image:
    """Turn `small` as the EXIF orientation of `image` asks for."""
    orientation = image.getexif().get(0x0112, 1)
    if orientation == 1:
        return small
    small.getexif()[0x0112] = orientation
    return ImageOps.exif_transpose(small)


def _not_accepted(data: bytes) -> RequestError:
    for (offset, magic), name in _OTHER_FORMATS.items():
        if data.startswith(magic, offset):
            return UnsupportedFormat(
                expected=_ACCEPTED, found=f"{name} data", remedy="convert it, for example to JPEG"
            )
    return InvalidImage(
        expected=_ACCEPTED,
        found=f"{len(data):,} bytes that are no image (they begin with {bytes(data[:8])!r})",
        remedy="check which file was sent",
    )
