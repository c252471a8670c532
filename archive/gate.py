"""The accuracy gate: a faster precision ships only if it agrees with float32.

Measured on the validation photos, through the runtime that would serve them. Where those are so few
that a single one is more than the limit, training photos count too: whether two precisions agree
needs no photos that the network has never seen.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archive.errors import BuildError
from certainty.shares import wilson_interval
from classifier.runtimes import load_runtime

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from archive.photos import LabelledPhotos

MAX_ACCURACY_LOSS = 0.005  # 0.5 points
MIN_AGREEMENT = 0.985
BATCH_SIZE = 16
ENOUGH_PHOTOS = round(1 / MAX_ACCURACY_LOSS)  # one of fewer is more than the limit
_ROUNDING = 1e-9  # 90.0 % minus 89.5 % is a little above half a point in binary


@dataclass(frozen=True)
class Figures:
    """A precision compared with float32 on the same photos; all shares are 0..1.

    Attributes:
        accuracy: Share of photos classified correctly.
        fp32_accuracy: The same for float32.
        agreement: Share of photos to which both give the same class.
        images: Number of photos.
        false_rejects: Share of photos that would be rejected as none of the classes; None if the
            model has no class means. Shows whether the threshold, fitted in float32, still holds.
        train_accuracy_loss: Accuracy that is lost on training photos; None if it was not measured.
        train_agreement: As `agreement`, on training photos.
        train_images: Number of training photos.
    """

    accuracy: float
    fp32_accuracy: float
    agreement: float
    images: int
    false_rejects: float | None = None
    train_accuracy_loss: float | None = None
    train_agreement: float | None = None
    train_images: int | None = None

    @property
    def counted_images(self) -> int:
        """How many photos the gate counts."""
        return self.images + (self.train_images or 0 if self.images < ENOUGH_PHOTOS else 0)

    @property
    def counted_loss(self) -> float:
        """How much less accurate than float32 it is on those, as a share of them."""
        return self._pooled(self.fp32_accuracy - self.accuracy, self.train_accuracy_loss)

    @property
    def counted_agreement(self) -> float:
        """How often it agrees with float32 on those."""
        return self._pooled(self.agreement, self.train_agreement)

    def _pooled(self, val: float, train: float | None) -> float:
        others = self.counted_images - self.images
        return (val * self.images + (train or 0.0) * others) / self.counted_images

    @property
    def passes(self) -> bool:
        """Whether the precision may ship."""
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Why it may not; a sentence for each limit that it exceeds."""
        reasons = []
        if self.counted_loss > MAX_ACCURACY_LOSS + _ROUNDING:
            reasons.append(
                f"it loses {100 * self.counted_loss:.2f} points of accuracy, "
                f"at most {100 * MAX_ACCURACY_LOSS:g} are allowed"
            )
        if self.counted_agreement < MIN_AGREEMENT - _ROUNDING:
            reasons.append(
                f"it agrees with float32 on {self.counted_agreement:.2%} of the photos, "
                f"at least {MIN_AGREEMENT:.1%} are required"
            )
        return reasons

    @property
    def doubts(self) -> list[str]:
        """Why the photos are too few to know; none where they are enough."""
        low, high = self.interval
        if low >= MIN_AGREEMENT or high < MIN_AGREEMENT:
            return []
        doubt = (
            f"{self.counted_images} photos are too few to know: the agreement is anywhere from "
            f"{low:.1%} to {high:.1%} (95 % confidence), the limit is {MIN_AGREEMENT:.1%}"
        )
        return [doubt]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the agreement."""
        return _interval(self.counted_agreement, self.counted_images)

    @property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy on validation photos."""
        return _interval(self.accuracy, self.images)

    @property
    def criteria(self) -> str:
        """What the gate measures, its limits, and how sure that is."""
        low, high = self.interval
        training = self.counted_images > self.images
        which = f"{self.images} validation"
        which += f" and {self.train_images} training photos" if training else " photos"
        return (
            f"on {which} it loses {100 * self.counted_loss:.2f} points (at most "
            f"{100 * MAX_ACCURACY_LOSS:g}) and agrees on {self.counted_agreement:.2%} (at least "
            f"{MIN_AGREEMENT:.1%}; 95 % confidence interval {low:.1%} to {high:.1%})"
        )

    def __str__(self) -> str:
        rejects = "" if self.false_rejects is None else f", false rejects {self.false_rejects:.2%}"
        return (
            f"accuracy {self.accuracy:.2%}, fp32 {self.fp32_accuracy:.2%}, "
            f"agreement {self.agreement:.2%}{rejects} on {self.images} photos"
        )

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name, without those that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def _interval(share: float, images: int) -> tuple[float, float]:
    return wilson_interval(round(share * images), images)


def read_figures(path: Path) -> tuple[str, Figures]:
    """Read the output of `archive quantise`: the SHA-256 of the weights, and the figures.

    Raises:
        BuildError: The file is damaged.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        weights_sha256 = record.pop("weights_sha256")
        figures = Figures(**record)
        shares = (figures.accuracy, figures.fp32_accuracy, figures.agreement)
        if all(0 <= share <= 1 for share in shares) and figures.images > 0:
            float(figures.false_rejects or 0)
            return weights_sha256, figures
        problem = f"shares of 0 to 1 and a number of photos are expected, found {record}"
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise BuildError(
        f"{path}: not the figures of a quantised model ({problem}); remove {path.parent}, or write "
        "it again with `python -m archive quantise`"
    )


class Answers(NamedTuple):
    """A runtime's output for N photos: best classes [N], pooled features [N, F], and its speed."""

    classes: NDArray[np.int64]
    features: NDArray[np.float32]
    photos_per_s: float = math.nan


def predict(
    runtime: str, model_file: Path, photos: Sequence[NDArray[np.uint8]], threads: int
) -> Answers:
    """Classify all photos, uint8 [H, W, 3] each."""
    loaded = load_runtime(runtime, model_file, threads=threads)
    classes, pooled = [], []
    seconds = 0.0
    for start in range(0, len(photos), BATCH_SIZE):
        batch = np.stack(photos[start : start + BATCH_SIZE])
        begin = time.perf_counter()
        outputs = loaded.infer(batch)
        seconds += time.perf_counter() - begin
        classes.append(outputs.logits.argmax(axis=1))
        pooled.append(outputs.features.mean(axis=(2, 3)))
    speed = len(photos) / seconds
    return Answers(np.concatenate(classes), np.concatenate(pooled), speed)


def compare(
    candidate: Answers, fp32: Answers, photos: LabelledPhotos, false_rejects: float | None
) -> Figures:
    """Compare the answers of a faster precision with float32's."""
    return Figures(
        accuracy=float((candidate.classes == photos.labels).mean()),
        fp32_accuracy=float((fp32.classes == photos.labels).mean()),
        agreement=float((candidate.classes == fp32.classes).mean()),
        images=len(photos.labels),
        false_rejects=false_rejects,
    )


def with_training(
    figures: Figures, candidate: Answers, fp32: Answers, photos: LabelledPhotos
) -> Figures:
    """Add to figures what both made of training photos."""
    right, exact_right = (each.classes == photos.labels for each in (candidate, fp32))
    return replace(
        figures,
        train_accuracy_loss=float(exact_right.mean() - right.mean()),
        train_agreement=float((candidate.classes == fp32.classes).mean()),
        train_images=len(photos.labels),
    )
