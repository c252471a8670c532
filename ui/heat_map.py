"""The class activation map as a transparent picture, and its position on the photo.

The page sets the opacity of the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_SIDE = 224  # px of the drawn map
# Dark blue over red to yellow, as the server draws it: monotonic in lightness.
_RAMP_AT = (0.0, 0.25, 0.5, 0.75, 1.0)
_RAMP = ((13, 8, 135), (126, 3, 168), (204, 71, 120), (248, 149, 64), (240, 249, 33))


@dataclass(frozen=True)
class Frame:
    """The square that the network saw, in percent of the photo's width and height."""

    left: float
    top: float
    width: float
    height: float


def draw_heat(evidence: Sequence[Sequence[float]]) -> Image.Image:
    """Draw a map [h, w] as RGBA: the more evidence, the brighter and the less transparent.

    Raises:
        ValueError: It is not a rectangle of numbers.
    """
    values = np.asarray(evidence, dtype=np.float32)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():  # noqa: PLR2004
        raise ValueError("the class activation map is not a rectangle of numbers")
    unit = (values - values.min()) / max(float(np.ptp(values)), 1e-9)
    smooth = Image.fromarray(unit).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    heat = np.asarray(smooth).clip(0, 1)  # [H, W], 0..1
    channels = [np.interp(heat, _RAMP_AT, channel) for channel in zip(*_RAMP, strict=True)]
    rgba = np.stack([*channels, 255 * heat], axis=-1)  # [H, W, 4]
    return Image.fromarray(rgba.round().astype(np.uint8), "RGBA")


def frame_of(width: int, height: int, preprocessing: Mapping[str, Any]) -> Frame:
    """Find the central square crop on a photo.

    Args:
        width: Of the upright photo, in any unit.
        height: Likewise.
        preprocessing: The model's own, with `resize` and `crop` in pixels, and perhaps `squash`.
    """
    resize, crop = float(preprocessing["resize"]), float(preprocessing["crop"])
    share = 100 * crop / resize
    if preprocessing.get("squash"):
        return Frame((100 - share) / 2, (100 - share) / 2, share, share)
    side = min(width, height) * share
    across, down = side / width, side / height
    return Frame((100 - across) / 2, (100 - down) / 2, across, down)
