"""Converts colours from an image's ICC profile to sRGB, which networks are trained on.

A photo in Adobe RGB, Display P3 or a printer's CMYK looks paler or wrong if its values are read as
sRGB: 10 to 23 grey levels off. Conversion runs on the resized picture, where it costs a fraction of
decoding, and is skipped if the profile is sRGB itself. A profile that is damaged, or for another
colour space than the picture's, is ignored, as viewers do.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache

from PIL import Image, ImageCms

# Camera profiles have 0.5 to 500 kB, printers' up to 3 MB.
MAX_PROFILE_BYTES = 4 * 2**20
_COLOURS_OF_MODE = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}
DISPLAY_P3_CODE = 12  # of the primaries in ITU-T H.273, for files with a code and no profile
_REMEMBERED = 16  # profiles; a batch of photos has one or two
# X, Y and Z (SMPTE EG 432-1, adapted to D50).
_P3_PRIMARIES = {
    b"rXYZ": (0.515102, 0.241182, -0.001050),
    b"gXYZ": (0.291965, 0.692236, 0.041882),
    b"bXYZ": (0.157153, 0.066582, 0.784378),
}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert a picture from the colours of its ICC profile to sRGB.

    Args:
        picture: In mode RGB, CMYK or L.
        profile: The contents of an ICC profile; None for a picture without one.

    Returns:
        The picture in mode RGB; converted by Pillow itself if there is no usable profile.
    """
    transform = None
    if profile and len(profile) <= MAX_PROFILE_BYTES and picture.mode in _COLOURS_OF_MODE:
        transform = _transform(bytes(profile), picture.mode)
    return transform.apply(picture) if transform else picture.convert("RGB")


@lru_cache(maxsize=1)
def display_p3() -> bytes:
    """Return an ICC profile of Display P3: that of sRGB with its primaries (D50), and no name."""
    profile = bytearray(_SRGB.tobytes())
    for index in range(int.from_bytes(profile[128:132], "big")):
        entry = 132 + 12 * index  # of the table of tags: name, place, size (ICC.1:2022, 7.3)
        name, place = bytes(profile[entry : entry + 4]), profile[entry + 4 : entry + 8]
        start = int.from_bytes(place, "big") + 8
        if name in _P3_PRIMARIES:
            fixed = [round(value * 65536) for value in _P3_PRIMARIES[name]]
            profile[start : start + 12] = struct.pack(">3i", *fixed)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "P3  ".encode("utf-16-be"))


@lru_cache(maxsize=_REMEMBERED)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the transform to sRGB; None if none is needed or possible."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space.strip() != _COLOURS_OF_MODE[mode] or _is_srgb(source):
            return None
        return ImageCms.ImageCmsTransform(source, _SRGB, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    return "sRGB" in (profile.profile.profile_description or "")
