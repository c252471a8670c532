"""The accuracy gate: a faster precision ships only if it answers as float32 does.

Measured on the validation photos, through the runtime that would serve them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.runtimes import load_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from archive.photos import LabelledPhotos

MAX_ACCURACY_LOSS = 0.005  # 0.5 points
MIN_AGREEMENT = 0.99
BATCH_SIZE = 16
_ROUNDING = 1e-9  # 90.0 % minus 89.5 % is a little above half a point in binary


@dataclass(frozen=True)
class Figures:
    """How a precision compares with float32 on the same photos; all shares are 0..1.

    Attributes:
        accuracy: Share of photos classified right.
        fp32_accuracy: The same for float32.
        agreement: Share of photos that both put into the same class.
        images: Number of photos.
    """

    accuracy: float
    fp32_accuracy: float
    agreement: float
    images: int

    @property
    def passes(self) -> bool:
        """Whether the precision may ship."""
        loss = self.fp32_accuracy - self.accuracy
        return loss <= MAX_ACCURACY_LOSS + _ROUNDING and self.agreement >= MIN_AGREEMENT

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.2%}, fp32 {self.fp32_accuracy:.2%}, "
            f"agreement {self.agreement:.2%} on {self.images} photos"
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)


def predict(
    runtime: str, model_file: Path, photos: Sequence[NDArray[np.uint8]], threads: int
) -> NDArray[np.int64]:
    """Return the best class of each photo, [N]."""
    loaded = load_runtime(runtime, model_file, threads=threads)
    classes = [
        loaded.infer(np.stack(photos[start : start + BATCH_SIZE])).logits.argmax(axis=1)
        for start in range(0, len(photos), BATCH_SIZE)
    ]
    return np.concatenate(classes)


def compare(
    candidate: NDArray[np.int64], fp32: NDArray[np.int64], photos: LabelledPhotos
) -> Figures:
    """Compare the answers of a faster precision with float32's."""
    return Figures(
        accuracy=float((candidate == photos.labels).mean()),
        fp32_accuracy=float((fp32 == photos.labels).mean()),
        agreement=float((candidate == fp32).mean()),
        images=len(photos.labels),
    )
