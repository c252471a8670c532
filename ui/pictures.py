"""Pictures for the browser: small, upright, in a supported format, embedded in the page.

Only for photos that the server has accepted: it checks how many pixels a file decodes to.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

LONG_SIDE = 880  # px: sharp in a column of 440
THUMBNAIL = 96  # px


def shown(path: Path, long_side: int = LONG_SIDE) -> Image.Image:
    """Read a photo as upright RGB, with no side longer than `long_side` pixels.

    Raises:
        OSError: This machine's Pillow cannot read it.
    """
    with Image.open(path) as image:
        image.draft("RGB", (long_side, long_side))  # JPEG: decoded at a fraction of its size
        upright = ImageOps.exif_transpose(image)
        if upright.mode in {"RGBA", "LA", "PA", "P"}:  # the server sees transparency as white
            paper = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(paper, upright.convert("RGBA"))
        upright.thumbnail((long_side, long_side))
        return upright.convert("RGB")


def data_uri(image: Image.Image) -> str:
    """Return the picture as a ``data:`` URI: PNG if some of it is transparent, else JPEG."""
    form = "PNG" if image.mode == "RGBA" else "JPEG"
    buffer = io.BytesIO()
    image.save(buffer, format=form, quality=88)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
