"""The answers to the photos of a split, and all figures computed from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from train.evaluation.curves import calibrate, precision_recall, roc
from train.evaluation.features import FEATURES
from train.evaluation.metrics import measure
from train.evaluation.sensitivity import examine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from train.evaluation.curves import Calibration, Curve
    from train.evaluation.metrics import Metrics
    from train.evaluation.sensitivity import Sensitivity


@dataclass(frozen=True)
class Answers:
    """A classifier's answers to N photos, in a fixed order.

    Attributes:
        split: "train" or "val".
        class_names: C names.
        samples: N paths or URLs.
        labels: int64 [N], the actual classes.
        probabilities: float32 [N, C].
        features: float64 [N, 6], see `train.evaluation.features`.
        facts: The origin of the answers, for the record: name to value.
    """

    split: str
    class_names: tuple[str, ...]
    samples: tuple[str, ...]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    features: NDArray[np.float64]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class with the largest probability, int64 [N]."""
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The largest probability, float32 [N]."""
        best: NDArray[np.float32] = self.probabilities.max(axis=1)
        return best

    def mistakes(self) -> NDArray[np.int64]:
        """Indices of the photos that got a wrong class, the most confident answers first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        order: NDArray[np.int64] = wrong[np.argsort(-self.confidence[wrong], kind="stable")]
        return order


@dataclass(frozen=True)
class Figures:
    """Everything that is computed from the answers."""

    metrics: Metrics
    roc: list[Curve]
    precision_recall: list[Curve]
    calibration: Calibration
    sensitivity: dict[str, Sensitivity]


def compute(answers: Answers) -> Figures:
    """Compute all figures."""
    probabilities, labels = answers.probabilities, answers.labels
    return Figures(
        metrics=measure(probabilities, labels.tolist(), answers.class_names),
        roc=roc(probabilities, labels),
        precision_recall=precision_recall(probabilities, labels),
        calibration=calibrate(probabilities, labels),
        sensitivity={
            name: examine(values, answers.predicted, labels, len(answers.class_names))
            for name, values in zip(FEATURES, answers.features.T, strict=True)
        },
    )
