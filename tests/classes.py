"""A data set of twelve drawn classes, with names that sort and quote badly."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

# Sorted as the outputs are numbered: by code point, so that 10 comes before 2 and é after z.
TWELVE = (
    *("10", "2", "Acer", "anemone", "black-eyed susan", "forget-me-not", "lily's", "rose"),
    *("zinnia", "épine", "菊", "🌻"),
)
PHOTOS = {"train": 2, "val": 1}  # of each class


def draw_twelve_classes(root: Path) -> None:
    """Draw `root/{train,val}/<class>/<number>.png`: noise in a colour of the class, 40 x 36 px."""
    random = np.random.default_rng(0)
    for split, count in PHOTOS.items():
        for index, name in enumerate(TWELVE):
            colour = np.multiply(255, colorsys.hsv_to_rgb(index / len(TWELVE), 0.7, 0.8))
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                noise = random.normal(0, 20, size=(36, 40, 3))
                pixels = (noise + colour).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
