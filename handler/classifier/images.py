"""Turns the bytes of an image file into the pixels that the network sees.

This is the only place where an image is decoded or resized: training's evaluation, the archive's
verification and the handler call `read_pixels`, so what was measured is what is served.
It matches torchvision's and timm's `Resize, CenterCrop` on a Pillow image to one grey level;
bicubic and Lanczos differ by a few more in under 1 % of a photo's values, where they overshoot
black or white and Pillow clips between its two passes. Normalisation belongs to the compiled model.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifier.colour import to_srgb
from classifier.description import INTERPOLATIONS
from classifier.image_kinds import ACCEPTED_FORMATS, error_of_load
from classifier.image_parts import check_exif
from classifier.opening import open_image
from classifier.repairs import with_end_marker
from classifier.sample_values import load, prepare, to_8_bit

if TYPE_CHECKING:
    from classifier.description import Preprocessing
    from classifier.opening import Opened

Pixels = NDArray[np.uint8]  # RGB, [H, W, 3] for one image, [N, H, W, 3] for a batch

_ORIENTATION = 0x0112  # the EXIF tag
# Its values, and what turns such a picture upright (EXIF 2.32, section 4.6.4).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Least decoded size, as a multiple of the resized short side: resizing needs enough to average.
_SPARE = 2

_FILTERS = {name: Image.Resampling[name.upper()] for name in INTERPOLATIONS}


def read_pixels(
    data: bytes, preprocessing: Preprocessing, *, max_bytes: int, max_pixels: int
) -> Pixels:
    """Turn an image file into the network's input, uint8 RGB [crop, crop, 3].

    A JPEG far larger than needed is decoded at a half, a quarter or an eighth of its size, which
    is almost free in this format; the short side stays at least `_SPARE` times the resized one, so
    the result changes no more than by rounding.

    Args:
        data: The contents of the file.
        preprocessing: How large the result is, and how much of the image it shows.
        max_bytes: Largest accepted file, in bytes.
        max_pixels: Largest accepted width times height.

    Raises:
        RequestError: As `decode`.
    """
    return decode_pixels(
        open_image(data, max_bytes=max_bytes, max_pixels=max_pixels), preprocessing
    )


def decode_pixels(opened: Opened, preprocessing: Preprocessing) -> Pixels:
    """Turn an opened image into the network's input, as `read_pixels`, and use it up.

    Raises:
        InvalidImage: The file is truncated or damaged.
        UnsupportedFormat: It is a variant of its format that cannot be read.
    """
    image = _repaired(opened)
    full_size = image.size
    enough = _SPARE * preprocessing.resize
    image.draft("RGB", (enough, enough))
    return to_pixels(_load(image), preprocessing, full_size)


def decode(data: bytes, *, max_bytes: int, max_pixels: int) -> Image.Image:
    """Decode an image file of any mode and size; only the first frame if there are several.

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
    return _load(_repaired(open_image(data, max_bytes=max_bytes, max_pixels=max_pixels)))


def to_pixels(
    image: Image.Image, preprocessing: Preprocessing, full_size: tuple[int, int] | None = None
) -> Pixels:
    """Turn a decoded image into the network's input, uint8 RGB [crop, crop, 3].

    The short side (or both sides) is resized to `preprocessing.resize` and the centre cropped, both
    in one call that computes no pixel outside the crop. An EXIF rotation is applied to the small
    result.

    Args:
        image: The image, in any mode.
        preprocessing: How large the result is, and how much of the image it shows.
        full_size: Width and height in the file, where `image` was decoded at a fraction of it.
    """
    width, height = full_size or image.size
    # Sides not divisible by the fraction were rounded up, so the ratio of the sizes is not exact.
    fraction = round(width / image.width)
    resized = _resized(width, height, preprocessing)
    # Margins are rounded as in torchvision: half to even.
    left, top = (round((side - preprocessing.crop) / 2) for side in resized)
    step_x = width / resized[0] / fraction  # pixels of `image` per pixel of the result
    step_y = height / resized[1] / fraction
    box = (
        left * step_x,
        top * step_y,
        min((left + preprocessing.crop) * step_x, image.width),
        min((top + preprocessing.crop) * step_y, image.height),
    )
    size = (preprocessing.crop, preprocessing.crop)
    resample = _FILTERS[preprocessing.interpolation]
    small = _ready_for_profile(image).resize(size, resample, box=box)
    return np.asarray(upright(to_srgb(small, image.info.get("icc_profile")), image))


def _resized(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """Return the width and height of the whole image after resizing, in pixels."""
    if preprocessing.squash:
        return preprocessing.resize, preprocessing.resize
    short = min(width, height)
    # The long side is rounded down, as in torchvision.
    return int(preprocessing.resize * width / short), int(preprocessing.resize * height / short)


def as_srgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to sRGB at its full size; transparent parts show white."""
    return to_srgb(_ready_for_profile(image), image.info.get("icc_profile"))


def _ready_for_profile(image: Image.Image) -> Image.Image:
    """Return the image in RGB, or in the colour space of its profile: ink or grey."""
    keeps_mode = image.mode in {"CMYK", "L"} and not image.has_transparency_data
    return image if keeps_mode and "icc_profile" in image.info else to_rgb(image)


def upright(picture: Image.Image, original: Image.Image) -> Image.Image:
    """Turn `picture`, made from `original`, upright by the EXIF orientation of `original`."""
    try:
        turn = _UPRIGHT.get(original.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  damaged EXIF data raise many error types but harm no pixel
        return picture
    return picture if turn is None else picture.transpose(turn)


def _repaired(opened: Opened) -> Image.Image:
    """Return the image, ready to load, with its end marker added if it is missing."""
    ended = with_end_marker(opened.data)
    image = opened.image
    if ended is not opened.data:
        image = Image.open(io.BytesIO(ended), formats=ACCEPTED_FORMATS)
    prepare(image)
    return image


def _load(image: Image.Image) -> Image.Image:
    """Decompress an opened image."""
    try:
        image = load(image)
    except Exception as error:  # as above
        raise error_of_load(str(image.format), error) from error
    check_exif(len(image.info.get("exif", b"")))
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB; transparent parts show white."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        image = to_8_bit(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image.convert("RGB")
