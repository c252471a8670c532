"""Model folders of other networks than the default one, small and with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.soak.model import write_small_model
from classifier.description import Preprocessing
from tests.models import CLASS_NAMES

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Preprocessing(
    resize=96,
    crop=96,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    squash=True,
    interpolation="bicubic",
)


def write_other_model(folder: Path, arch: str, preprocessing: Preprocessing = SMALL) -> None:
    """Write what an archive is made from, with the tests' classes."""
    write_small_model(folder, arch, preprocessing, CLASS_NAMES)
