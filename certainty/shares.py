"""The confidence interval of a share, such as an accuracy."""

from __future__ import annotations

import math
from statistics import NormalDist

_Z = NormalDist().inv_cdf(0.975)  # 95 %, both sides


def wilson_interval(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share, 0..1.

    Wilson (1927); unlike the normal approximation it stays in 0..1 and is sound for few photos.
    """
    share = right / images
    widened = 1 + _Z**2 / images
    middle = (share + _Z**2 / (2 * images)) / widened
    half = _Z / widened * math.sqrt(share * (1 - share) / images + _Z**2 / (4 * images**2))
    # Rounding must not push an end past the share itself.
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)
