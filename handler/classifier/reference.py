"""Reference pictures, drawn by code, and the answers that a model gives for them.

A fresh machine has no photos, so these pictures verify an archive, warm up a worker, and reveal a
machine whose answers differ: from the evaluation's, or, where a less exact form of the network was
measured on photos, from what that form gave then.
The drawing uses only elementary arithmetic, so every machine draws the same bytes.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.images import Pixels

REFERENCE_FILE = "reference.json"

# Name: petals' colour, heart's colour, ground's colour, number of petals.
_FLOWERS = {
    "white-daisy": ((245, 245, 240), (230, 180, 30), (60, 110, 50), 13),
    "yellow-sunflower": ((250, 195, 20), (80, 45, 20), (110, 150, 200), 17),
    "red-rose": ((185, 20, 45), (120, 5, 25), (40, 80, 40), 5),
    "pink-tulip": ((230, 90, 150), (240, 190, 210), (90, 140, 70), 3),
    "yellow-dandelion": ((245, 215, 40), (235, 190, 10), (70, 130, 50), 29),
    "blue-aster": ((90, 90, 220), (240, 220, 90), (120, 120, 110), 11),
}
REFERENCE_NAMES = tuple(_FLOWERS)


def draw(name: str, *, width: int = 320, height: int = 288) -> Pixels:
    """Draw a reference picture, uint8 RGB [height, width, 3].

    Args:
        name: One of `REFERENCE_NAMES`.
        width: In pixels.
        height: In pixels.
    """
    petals, heart, ground, count = _FLOWERS[name]
    x = (np.arange(width) - width / 2) / (height / 2)
    y = ((np.arange(height) - height / 2) / (height / 2))[:, None]
    radius, wave = np.hypot(x, y), np.cos(count * np.arctan2(y, x))
    picture = _paint(ground, 1.0 - 0.3 * np.abs(y) + 0.08 * np.sin(23 * x) * np.sin(19 * y))
    is_petal = radius < 0.62 + 0.22 * wave
    picture[is_petal] = _paint(petals, (0.75 + 0.25 * wave - 0.15 * radius)[is_petal])
    is_heart = radius < 0.24  # noqa: PLR2004
    grain = 0.85 + 0.15 * np.sin(61 * x) * np.sin(61 * y)
    picture[is_heart] = _paint(heart, grain[is_heart])
    return picture.clip(0, 255).round().astype(np.uint8)


def draw_png(name: str) -> bytes:
    """Draw a reference picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(draw(name)).save(buffer, format="PNG", compress_level=1)  # quick
    return buffer.getvalue()


def read_reference(path: Path) -> dict[str, list[float]]:
    """Read the expected probabilities: picture name to C values.

    Raises:
        ModelError: The file is missing, not JSON, or not about the pictures drawn here.
    """
    try:
        answers: dict[str, list[float]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot read the reference answers: {error}") from error
    if not isinstance(answers, dict) or set(answers) != set(REFERENCE_NAMES):
        raise ModelError(f"{path}: expected answers to {', '.join(REFERENCE_NAMES)}")
    for name, values in answers.items():
        if not isinstance(values, list) or not all(
            isinstance(value, int | float) for value in values
        ):
            raise ModelError(f"{path}: expected probabilities for {name}, found {values!r:.80}")
    return answers


def write_reference(path: Path, answers: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the expected probabilities [C] of each picture."""
    table = {name: [round(float(p), 7) for p in answers[name]] for name in REFERENCE_NAMES}
    path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def _paint(colour: tuple[int, int, int], light: NDArray[np.float64]) -> NDArray[np.float64]:
    return light[..., None] * np.array(colour, dtype=np.float64)
