"""Tells the sender of a file that is not accepted what it is and why it is refused.

The type is read from the first bytes, so Pillow's rarer decoders never see untrusted data.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from classifier.avif import is_avif
from classifier.errors import InvalidImage, RequestError, UnsupportedFormat
from classifier.image_parts import has_whole_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from classifier.avif import Avif

ACCEPTED_FORMATS = ("JPEG", "PNG", "WebP", "BMP", "GIF", "TIFF", "AVIF")
ACCEPTED = f"an image in {', '.join(ACCEPTED_FORMATS[:-1])} or {ACCEPTED_FORMATS[-1]} format"

_OTHERS = {
    (0, b"%PDF"): "PDF data",
    (0, b"8BPS"): "Photoshop data",
    (0, b"\x00\x00\x01\x00"): "ICO data",
    (0, b"\x00\x00\x00\x0cjP  "): "JPEG 2000 data",
    (0, b"\xff\x4f\xff\x51"): "JPEG 2000 data",
    (0, b"\x00\x00\x00\x0cJXL "): "JPEG XL data",
    (0, b"\xff\x0a"): "JPEG XL data",
    (0, b"<svg"): "SVG data",
    (0, b"<?xml"): "SVG or XML data",
    (0, b"\x1f\x8b"): "gzip data",
    (0, b"PK\x03\x04"): "a zip file",
    (0, b"<!DOCTYPE html"): "an HTML page",
    (0, b"<html"): "an HTML page",
}
# The brands of ISO/IEC 23008-12 (HEIF).
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), "HEIC data"),
    **dict.fromkeys((b"hevc", b"hevx", b"hevm", b"hevs"), "HEIC data (an image sequence)"),
}
_BRAND_END = 12  # where the first brand of a HEIF file ends
_CONVERT = "convert it, for example to JPEG"
_FROM_HEIC = (
    "convert it, for example with `heif-convert photo.heic photo.jpg`; iPhones take JPEGs with the "
    "setting Camera > Formats > Most Compatible"
)
# Codes of ITU-T H.273: primaries of BT.709 (sRGB), unspecified, of BT.601, which is close, and of
# Display P3, which `classifier.colour` converts; the transfers PQ and HLG of high dynamic range.
_PRIMARIES = {1, 2, 5, 6, 7, 12}
_HDR = {16, 18}
_HEIF = {b"mif1", b"mif2", b"msf1"}  # says nothing about the codec; another brand does
_READERS: dict[bytes, tuple[str, Callable[[io.BytesIO], object]]] = {
    b"\xff\xd8\xff": ("JPEG", JpegImagePlugin.JpegImageFile),
    b"\x89PNG\r\n\x1a\n": ("PNG", PngImagePlugin.PngImageFile),
    b"BM": ("BMP", BmpImagePlugin.BmpImageFile),
    b"GIF8": ("GIF", GifImagePlugin.GifImageFile),
    b"RIFF": ("WebP", WebPImagePlugin.WebPImageFile),
    b"II*\0": ("TIFF", TiffImagePlugin.TiffImageFile),
    b"MM\0*": ("TIFF", TiffImagePlugin.TiffImageFile),
    b"II+\0": ("BigTIFF", TiffImagePlugin.TiffImageFile),
    b"MM\0+": ("BigTIFF", TiffImagePlugin.TiffImageFile),
}
# ITU-T T.81, table B.1, and T.87 for JPEG-LS: the processes that common decoders do not read.
_JPEG_PROCESSES = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical and lossless",
    0xCB: "lossless and arithmetic",
    0xCD: "hierarchical and arithmetic",
    0xCE: "hierarchical and arithmetic",
    0xCF: "hierarchical, lossless and arithmetic",
    0xF7: "JPEG-LS",
}
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA} | _JPEG_PROCESSES.keys()
_MARKER = re.compile(rb"\xff([\xc0-\xfe])")
_KINDS_PILLOW_LACKS = re.compile("unknown|unsupported|cannot handle|not supported", re.IGNORECASE)


def refuse_jpeg_process(data: bytes) -> None:
    """Refuse a JPEG whose coding process the decoder lacks, before it fails less clearly.

    Raises:
        UnsupportedFormat: It has 12 bits a sample, or is lossless, hierarchical or JPEG-LS.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return
    place = 2
    while marker := _MARKER.search(data, place):
        kind, start = marker[1][0], marker.end()
        if kind in _FRAMES:
            bits = data[start + 2] if start + 2 < len(data) else 8
            process = _JPEG_PROCESSES.get(kind) or (f"{bits} bit" if bits != 8 else None)  # noqa: PLR2004
            if process:
                raise _unsupported(f"a JPEG of another process ({process})")
            return
        place = start + int.from_bytes(data[start : start + 2], "big")


def error_of(data: bytes) -> RequestError:
    """Return the error for a file that Pillow does not open."""
    if name := _name_of(data):
        heic = "HEI" in name
        return _unsupported(name, _FROM_HEIC if heic else _CONVERT)
    if is_avif(data):
        return damaged_avif(_reason(AvifImagePlugin.AvifImageFile, data))
    for magic, (form, reader) in _READERS.items():
        if data.startswith(magic):
            reason = _reason(reader, data)
            is_whole = not form.endswith("TIFF") or has_whole_directory(data)
            if is_whole and _KINDS_PILLOW_LACKS.search(reason):
                return _unsupported(f"a {form} file of a kind that cannot be read ({reason})")
            return InvalidImage(
                expected=ACCEPTED,
                found=f"a {form} file that is damaged ({reason})",
                remedy="check that the whole file was sent, or save the image again",
            )
    return InvalidImage(
        expected=ACCEPTED,
        found=f"{len(data):,} bytes that are not an image (they begin with {bytes(data[:8])!r})",
        remedy="check which file was sent",
    )


def damaged_avif(reason: object) -> InvalidImage:
    """Return the error for an AVIF file that is damaged."""
    return InvalidImage(
        expected=ACCEPTED,
        found=f"an AVIF file that is damaged ({reason})",
        remedy="check that the whole file was sent, or save the image again",
    )


def refuse_avif_kind(avif: Avif) -> None:
    """Refuse an AVIF file that would be read wrongly.

    Raises:
        UnsupportedFormat: It is a film, the decoder would show more than it does, or its colours
            are neither sRGB's nor Display P3's.
    """
    if avif.is_sequence:
        raise _unsupported("an AVIF sequence", "send one picture of it")
    if avif.is_cropped:
        found = "an AVIF file that hides a part of its pixels (clean aperture)"
        raise _unsupported(found, "save it with the visible part only")
    if avif.primaries not in _PRIMARIES or avif.transfer in _HDR:
        found = f"an AVIF file of other colours (primaries {avif.primaries}, transfer "
        raise _unsupported(f"{found}{avif.transfer} of H.273)", "save it in sRGB")


def error_of_load(form: str, error: Exception) -> RequestError:
    """Return the error for a file of format `form` that opens but does not decompress."""
    if "unknown raw mode" in str(error):
        return _unsupported(f"a {form} file of a kind that cannot be read ({error})")
    return InvalidImage(
        expected="a complete image file",
        found=f"a {form} file that breaks off or is damaged ({error})",
        remedy="check that the whole file was sent",
    )


def _name_of(data: bytes) -> str | None:
    for (offset, magic), name in _OTHERS.items():
        if data.startswith(magic, offset):
            return name
    if data[4:8] != b"ftyp" or len(data) < _BRAND_END or is_avif(data):
        return None
    size = min(int.from_bytes(data[:4], "big"), 256)
    major = data[8:12]
    brands = [data[place : place + 4] for place in range(8, size, 4) if place != 12]  # noqa: PLR2004
    for brand in brands if major in _HEIF or major in _BRANDS else ():
        if brand in _BRANDS:
            return _BRANDS[brand]
    return "HEIF data" if major in _HEIF else "MP4 or QuickTime data"


def _reason(reader: Callable[[io.BytesIO], object], data: bytes) -> str:
    """Return the reason that Pillow's reader gives; `Image.open` drops it."""
    try:
        reader(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  many unrelated types
        return str(error) or type(error).__name__
    return "it cannot be read"


def _unsupported(found: str, remedy: str = _CONVERT) -> UnsupportedFormat:
    return UnsupportedFormat(expected=ACCEPTED, found=found, remedy=remedy)
