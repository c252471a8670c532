"""Interprets sample values that Pillow passes on unconverted.

Samples of 4, 12, 16 or 32 bits, inverted greyscale (WhiteIsZero), a transparent level whose depth
differs from the pixels': Pillow reads all of these, but scales, inverts or compares only some.
`prepare` corrects how a file will be read, `to_8_bit` what was read.

Sources: PNG (Third Edition), 11.3.1.1 tRNS; TIFF 6.0, sections 8 and 19.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

from classifier.errors import UnsupportedFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE_IS_ZERO, _SEPARATE_PLANES, _UNSIGNED, _SIGNED = 0, 2, 1, 2
# PNG stores the transparent level in the file's own depth; Pillow scales the pixels, not the level.
_LEVEL_SCALE = {"L;2": 85, "L;4": 17}
# libtiff returns samples in this machine's byte order, whatever the file's.
_OF_LIBTIFF = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F", "F;64BF": "F;64F"}
_BLOCK = 2**16  # of pixels scaled at once: they fit into the CPU cache


def prepare(image: Image.Image) -> None:
    """Correct how an opened file will be read; call it before `load`.

    Raises:
        UnsupportedFormat: A TIFF of signed 8 or 16 bit samples, whose black level is undefined.
    """
    if isinstance(image, PngImageFile):
        _scale_transparent_level(image)
    elif isinstance(image, TiffImageFile):
        _refuse_signed(image)
        image.tile = [
            tile._replace(args=_tile_arguments(image, tile.codec_name, tile.args))
            for tile in image.tile
        ]


def load(image: Image.Image) -> Image.Image:
    """Decompress an opened file; a 16-bit RGB PNG keeps its transparent colour.

    Pillow reads only the upper byte of such samples; here the colour is compared in both bytes.
    """
    key = image.info.get("transparency")
    if not (isinstance(image, PngImageFile) and isinstance(key, tuple) and _is_wide(image)):
        image.load()
        return image
    source = cast("io.BytesIO", image.fp).getvalue()
    image.load()
    lower = Image.open(io.BytesIO(source), formats=["PNG"])
    lower.tile = [tile._replace(args="RGB;16L") for tile in lower.tile]
    wide = np.asarray(image).astype(np.uint16) << 8 | np.asarray(lower)  # [H, W, 3]
    opaque = (wide != np.array(key, np.uint16)).any(axis=-1)
    del image.info["transparency"]
    image.putalpha(Image.fromarray(opaque))
    return image


def to_8_bit(image: Image.Image) -> Image.Image:
    """Scale greyscale of 12, 16 or 32 bits to 8; Pillow's own conversion would clip it.

    Args:
        image: In one of the modes ``I;16``, ``I;16B``, ``I`` and ``F``.

    Returns:
        The image in mode ``L``; black is 0, even if white is 0 in the file.
    """
    values = np.asarray(image)  # [H, W]
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    is_inverted = tags.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
    if values.dtype.itemsize == 2:  # noqa: PLR2004  such a file states its range
        full = 2 ** _first(tags.get(BITSPERSAMPLE, 16)) - 1
        table = np.rint(np.arange(2**16).clip(0, full) * (255 / full)).astype(np.uint8)
        if is_inverted:
            table = 255 - table
        table[image.info.get("transparency", [])] = 255  # PNG may name one level
        return Image.fromarray(table[values])
    if image.mode == "I" and tags and _first(tags.get(SAMPLEFORMAT, _UNSIGNED)) == _UNSIGNED:
        values = values.view(np.uint32)
    return Image.fromarray(_scaled(values, is_inverted=is_inverted))


def _scaled(values: NDArray[np.generic], *, is_inverted: bool) -> NDArray[np.uint8]:
    """Scale 32-bit values [H, W] by the smallest common range that contains them."""
    is_float = values.dtype.kind == "f"
    most = {"i": 2**31 - 1, "u": 2**32 - 1}
    ranges = (1, 255) if is_float else (255, 65535, most[values.dtype.kind])
    largest = np.fmax.reduce(values, axis=None)  # not NaN, unless all are
    full = next((top for top in ranges if largest <= top), ranges[-1])
    grey = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, values.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        scaled = np.nan_to_num(values.flat[block].astype(np.float32)).clip(0, full)
        grey.flat[block] = np.rint(scaled * np.float32(255 / full))
    return 255 - grey if is_inverted else grey


def _scale_transparent_level(image: PngImageFile) -> None:
    level = image.info.get("transparency")
    if isinstance(level, int) and image.tile:
        image.info["transparency"] = level * _LEVEL_SCALE.get(str(image.tile[0].args), 1)


def _is_wide(image: PngImageFile) -> bool:
    return bool(image.tile) and image.tile[0].args == "RGB;16B"


def _refuse_signed(image: TiffImageFile) -> None:
    tags = image.tag_v2
    bits = _first(tags.get(BITSPERSAMPLE, 1))
    if _first(tags.get(SAMPLEFORMAT, _UNSIGNED)) == _SIGNED and bits < 32:  # noqa: PLR2004
        raise UnsupportedFormat(
            expected="unsigned samples",
            found=f"a TIFF of signed {bits} bit samples",
            remedy="save it with unsigned samples, or as PNG",
        )


def _tile_arguments(
    image: TiffImageFile, codec: str, arguments: tuple[Any, ...] | str | None
) -> tuple[Any, ...] | str | None:
    """Return the arguments of a tile's decoder, its raw mode corrected."""
    if not isinstance(arguments, tuple):
        return arguments
    raw_mode, *others = arguments
    if codec == "libtiff":
        return (_OF_LIBTIFF.get(raw_mode, raw_mode), *others)
    tags = image.tag_v2
    is_planar = tags.get(PLANAR_CONFIGURATION) == _SEPARATE_PLANES
    if codec == "raw" and is_planar and _first(tags.get(BITSPERSAMPLE, 1)) == 16:  # noqa: PLR2004
        order = "B" if tags.prefix == b"MM" else "L"
        return (f"{raw_mode};16{order}", *others)
    return arguments


def _first(value: Any) -> int:
    """Return the first of a tag's values; there may be one per channel."""
    return int(value[0] if isinstance(value, tuple) else value)
