"""Image files of every accepted mode and format, drawn in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from classifier.reference import draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A flower of 60 x 48 pixels: smooth enough for JPEG, and no two halves of it are alike.
PICTURE = Image.fromarray(draw("pink-tulip", width=60, height=48))
GREY = PICTURE.convert("L")
SMALLER = PICTURE.resize((30, 24))
_LEVELS = np.asarray(GREY)  # uint8 [48, 60]


class Sample(NamedTuple):
    """An image file, and what it shows.

    Attributes:
        file: Its contents.
        shown: The picture to be seen, RGB.
        tolerance: Largest mean difference in grey levels; 0 where the form loses nothing.
    """

    file: bytes
    shown: Image.Image
    tolerance: float = 0.0


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    """Encode an image as a file in Pillow's format `form`."""
    buffer = io.BytesIO()
    image.copy().save(buffer, format=form, **options)  # saving leaves traces in an image
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Frame one chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(depth: int, colour_type: int, rows: Any, transparent: bytes = b"") -> bytes:
    """Write a PNG of a kind that Pillow reads but does not write.

    Args:
        depth: Bits a sample.
        colour_type: 0 for greyscale, 2 for RGB, 4 for greyscale with alpha, 6 for RGBA.
        rows: Samples [H, W] or [H, W, C] in a big-endian or one-byte type.
        transparent: The contents of the chunk tRNS, if there shall be one.
    """
    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    scan_lines = b"".join(b"\0" + row.tobytes() for row in rows)
    chunks = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(scan_lines))]
    if transparent:
        chunks.insert(1, png_chunk(b"tRNS", transparent))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + png_chunk(b"IEND", b"")


def on_white(image: Image.Image, alpha: Image.Image) -> Image.Image:
    """Compute what is seen of `image` on white paper, without Pillow's own compositing."""
    opacity = np.asarray(alpha, dtype=np.float64)[..., np.newaxis] / 255
    seen = opacity * np.asarray(image.convert("RGB")) + (1 - opacity) * 255
    return Image.fromarray(seen.round().astype(np.uint8))


def _jpeg() -> dict[str, Sample]:
    best = {"quality": 95, "subsampling": 0}
    pictures = {"save_all": True, "append_images": [SMALLER.copy()], **best}
    return {
        "JPEG L": Sample(encode(GREY, "JPEG", **best), _SHOWN_GREY, 1),
        "JPEG RGB": Sample(encode(PICTURE, "JPEG", **best), PICTURE, 2),
        "JPEG CMYK": Sample(encode(PICTURE.convert("CMYK"), "JPEG", **best), PICTURE, 1),
        "JPEG progressive": Sample(encode(PICTURE, "JPEG", progressive=True, **best), PICTURE, 2),
        "JPEG of several pictures": Sample(encode(PICTURE, "MPO", **pictures), PICTURE, 2),
    }


def _png() -> dict[str, Sample]:
    return {
        "PNG 1": Sample(encode(_TWO_LEVELS, "PNG"), _TWO_LEVELS.convert("RGB")),
        "PNG L": Sample(encode(GREY, "PNG"), _SHOWN_GREY),
        "PNG LA": Sample(encode(_GREY_ALPHA, "PNG"), _SHOWN_GREY_ALPHA, 1),
        "PNG P": Sample(encode(_PALETTE, "PNG"), _SHOWN_PALETTE),
        "PNG RGB": Sample(encode(PICTURE, "PNG"), PICTURE),
        "PNG with EXIF": Sample(encode(PICTURE, "PNG", exif=_exif()), PICTURE),
        "PNG RGBA": Sample(encode(_RGBA, "PNG"), _SHOWN_RGBA, 1),
        "PNG I;16": Sample(encode(_WIDE, "PNG"), _SHOWN_GREY),
        "PNG RGB 16 bit": Sample(raw_png(16, 2, _wide(PICTURE)), PICTURE),
        "PNG LA 16 bit": Sample(raw_png(16, 4, _wide(_GREY_ALPHA)), _SHOWN_GREY_ALPHA, 1),
        "PNG RGBA 16 bit": Sample(raw_png(16, 6, _wide(_RGBA)), _SHOWN_RGBA, 1),
    }


def _webp() -> dict[str, Sample]:
    frames = {"save_all": True, "append_images": [GREY.copy()]}
    return {
        "WebP": Sample(encode(PICTURE, "WEBP", quality=95), PICTURE, 4),
        "WebP lossless": Sample(encode(PICTURE, "WEBP", lossless=True), PICTURE),
        "WebP with EXIF": Sample(encode(PICTURE, "WEBP", lossless=True, exif=_exif()), PICTURE),
        "WebP alpha": Sample(encode(_RGBA, "WEBP", lossless=True, exact=True), _SHOWN_RGBA, 1),
        "WebP animated": Sample(encode(PICTURE, "WEBP", lossless=True, **frames), PICTURE),
    }


def _bmp_and_gif() -> dict[str, Sample]:
    frames = {"save_all": True, "append_images": [GREY.copy(), _PALETTE.copy()]}
    return {
        "BMP 1": Sample(encode(_TWO_LEVELS, "BMP"), _TWO_LEVELS.convert("RGB")),
        "BMP L": Sample(encode(GREY, "BMP"), _SHOWN_GREY),
        "BMP P": Sample(encode(_PALETTE, "BMP"), _SHOWN_PALETTE),
        "BMP RGB": Sample(encode(PICTURE, "BMP"), PICTURE),
        "GIF": Sample(encode(_PALETTE, "GIF"), _SHOWN_PALETTE),
        "GIF animated": Sample(encode(_PALETTE, "GIF", **frames), _SHOWN_PALETTE),
    }


def _tiff() -> dict[str, Sample]:
    pages = {"save_all": True, "append_images": [GREY.copy(), SMALLER.copy()]}
    lab = Image.merge("LAB", Image.new("RGB", PICTURE.size, (150, 128, 128)).split())
    forms = {
        "1": (_TWO_LEVELS, _TWO_LEVELS.convert("RGB"), 0),
        "L": (GREY, _SHOWN_GREY, 0),
        "LA": (_GREY_ALPHA, _SHOWN_GREY_ALPHA, 1),
        "P": (_PALETTE, _SHOWN_PALETTE, 0),
        "RGB": (PICTURE, PICTURE, 0),
        "RGBA": (_RGBA, _SHOWN_RGBA, 1),
        "CMYK": (PICTURE.convert("CMYK"), PICTURE, 0),
        "YCbCr": (PICTURE.convert("YCbCr"), PICTURE, 2),
        "LAB": (lab, Image.new("RGB", lab.size, (141, 141, 141)), 1),
        "I;16": (_WIDE, _SHOWN_GREY, 0),
        "I of 8 bit": (Image.fromarray(_LEVELS.astype(np.int32)), _SHOWN_GREY, 0),
        "I of 16 bit": (Image.fromarray(_LEVELS.astype(np.int32) * 257), _SHOWN_GREY, 0),
        "I of 31 bit": (Image.fromarray(_LEVELS.astype(np.int32) * 2**23), _SHOWN_GREY, 1),
        "F to 1": (Image.fromarray(np.float32(_LEVELS / 255)), _SHOWN_GREY, 0),
        "F to 255": (Image.fromarray(np.float32(_LEVELS)), _SHOWN_GREY, 0),
    }
    samples = {
        f"TIFF {name}": Sample(encode(image, "TIFF"), shown, tolerance)
        for name, (image, shown, tolerance) in forms.items()
    }
    for method in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        samples[f"TIFF {method}"] = Sample(encode(PICTURE, "TIFF", compression=method), PICTURE)
    jpeg = encode(PICTURE, "TIFF", compression="jpeg", quality=95)
    return samples | {
        "TIFF jpeg": Sample(jpeg, PICTURE, 1),
        "TIFF of several pages": Sample(encode(PICTURE, "TIFF", **pages), PICTURE),
    }


def _avif() -> dict[str, Sample]:
    best = {"quality": 95, "subsampling": "4:4:4", "speed": 10}
    return {
        "AVIF RGB": Sample(encode(PICTURE, "AVIF", **best), PICTURE, 2),
        "AVIF 4:2:0": Sample(encode(PICTURE, "AVIF", speed=10), PICTURE, 4),
        "AVIF L": Sample(encode(GREY, "AVIF", **best), _SHOWN_GREY, 2),
        "AVIF RGBA": Sample(encode(_RGBA, "AVIF", **best), _SHOWN_RGBA, 3),
        "AVIF with EXIF": Sample(encode(PICTURE, "AVIF", exif=_exif(), **best), PICTURE, 2),
    }


def _wide(image: Image.Image) -> NDArray[np.uint16]:
    """Spread 8 bit over 16, in the byte order of PNG."""
    return (np.asarray(image).astype(np.uint16) * 257).astype(">u2")


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    exif[ExifTags.Base.Make] = "Brush & Palette"
    exif[ExifTags.Base.XResolution] = 72.0
    return exif


_SHOWN_GREY = GREY.convert("RGB")
_TWO_LEVELS = PICTURE.convert("1")
_PALETTE = PICTURE.quantize(32)
_SHOWN_PALETTE = _PALETTE.convert("RGB")
_ALPHA = Image.linear_gradient("L").resize(PICTURE.size)
_RGBA = Image.merge("RGBA", (*PICTURE.split(), _ALPHA))
_SHOWN_RGBA = on_white(PICTURE, _ALPHA)
_GREY_ALPHA = Image.merge("LA", (GREY, _ALPHA))
_SHOWN_GREY_ALPHA = on_white(GREY, _ALPHA)
_WIDE = Image.fromarray(_LEVELS.astype(np.uint16) * 257)  # each level at its place in 16 bit

# What any Pillow reads, and with it ModelArts' package; AVIF came with Pillow 11.3.
SAMPLES_OF_ANY_PILLOW = _jpeg() | _png() | _webp() | _bmp_and_gif() | _tiff()
SAMPLES = SAMPLES_OF_ANY_PILLOW | _avif()
