"""Six features of a photo that a classifier may be sensitive to, as in ModelArts' evaluation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from classifier.cores import usable_cores
from classifier.images import to_rgb, upright
from train.data.data_set import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from train.data.data_set import Photo

FEATURES = ("resolution", "aspect_ratio", "brightness", "saturation", "clarity", "colourfulness")
# Larger photos are reduced before colours and edges are measured: the network sees less than this,
# and twelve megapixels would take a second per photo.
_LONG_SIDE = 512


def measure_photos(photos: Sequence[Photo]) -> NDArray[np.float64]:
    """Measure the features of N photos, [N, 6] in the order of `FEATURES`."""
    with ThreadPoolExecutor(usable_cores()) as pool:  # Pillow and numpy let other threads run
        paths = [photo.path for photo in photos]
        rows = pool.map(_measure_file, paths)
        return np.array(
            list(tqdm(rows, total=len(paths), desc="features", leave=False, disable=None))
        )


def measure(image: Image.Image) -> tuple[float, ...]:
    """Measure the features of a photo, in the order of `FEATURES`.

    Returns:
        Resolution in pixels, height / width, mean luma 0..255 (ITU-R BT.601), mean saturation 0..1
        (of HSV), variance of the Laplacian of the luma (Pech-Pacheco et al. 2000), colourfulness
        (Hasler and Süsstrunk 2003, section 7).
    """
    image = to_rgb(upright(image, image)).copy()  # it is reduced in place below
    width, height = image.size
    image.thumbnail((_LONG_SIDE, _LONG_SIDE), reducing_gap=2.0)
    luma = np.asarray(image.convert("L"), dtype=np.float64)  # [H, W]
    saturation = np.asarray(image.convert("HSV"))[..., 1]  # [H, W]
    return (
        float(width * height),
        height / width,
        float(luma.mean()),
        float(saturation.mean()) / 255,
        float(_laplacian(luma).var()),
        _colourfulness(np.asarray(image, dtype=np.float64)),
    )


def _measure_file(path: Path) -> tuple[float, ...]:
    return measure(read_image(path))


def _laplacian(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each pixel's four neighbours minus four times the pixel; borders are replicated."""
    padded = np.pad(luma, 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    laplacian: NDArray[np.float64] = neighbours - 4 * luma
    return laplacian


def _colourfulness(rgb: NDArray[np.float64]) -> float:
    red, green, blue = (rgb[..., channel] for channel in range(3))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    return float(spread + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))
