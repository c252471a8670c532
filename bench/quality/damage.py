"""Damages photos as in practice: recompressed, blurred, dark, bright, rotated, tiny.

Each function takes an RGB image and returns an image file. All except `recompressed` write PNG, so
that each damage is measured alone.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageEnhance, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JPEG_QUALITY = 30  # of 100
BLUR_PX = 2.0  # standard deviation, of photos with a short side of 256 pixels
DARK, BRIGHT = 0.5, 1.5  # factor on each pixel's value
THUMBNAIL_PX = 64  # the short side


def recompressed(image: Image.Image) -> bytes:
    """Save as a JPEG of low quality."""
    return _save(image, "JPEG", quality=JPEG_QUALITY)


def blurred(image: Image.Image) -> bytes:
    """Blur like a lens out of focus."""
    return _save(image.filter(ImageFilter.GaussianBlur(BLUR_PX)))


def darkened(image: Image.Image) -> bytes:
    """Halve the brightness."""
    return _save(ImageEnhance.Brightness(image).enhance(DARK))


def brightened(image: Image.Image) -> bytes:
    """Raise the brightness by half; values above white are clipped."""
    return _save(ImageEnhance.Brightness(image).enhance(BRIGHT))


def turned(image: Image.Image) -> bytes:
    """Rotate by 90 degrees, like a camera without an orientation sensor."""
    return _save(image.transpose(Image.Transpose.ROTATE_90))


def shrunk(image: Image.Image) -> bytes:
    """Reduce to a thumbnail."""
    scale = THUMBNAIL_PX / min(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    return _save(image.resize((width, height), Image.Resampling.BICUBIC))


DAMAGES: Mapping[str, Callable[[Image.Image], bytes]] = {
    f"JPEG quality {JPEG_QUALITY}": recompressed,
    f"blur, {BLUR_PX:g} px": blurred,
    f"brightness x {DARK:g}": darkened,
    f"brightness x {BRIGHT:g}": brightened,
    "turned by 90 degrees": turned,
    f"thumbnail, {THUMBNAIL_PX} px": shrunk,
}


def _save(image: Image.Image, form: str = "PNG", **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
