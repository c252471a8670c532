"""Two models on the same photos: which is better, and whether that could be chance.

Both see the same photos, so only those count that one gets right and the other wrong: McNemar's
test in its exact form, and an interval for the difference of the accuracies.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from scipy.stats import binomtest

from storage.files import write_text
from train.errors import DataError
from train.evaluation.metrics import wilson_interval
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from train.evaluation.evaluate import Evaluation

COMPARISON_JSON, COMPARISON_MARKDOWN = "comparison.json", "comparison.md"
_SIGNIFICANT = 0.05
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """How often two models are right on the same photos.

    Attributes:
        both: Photos that both get right.
        only_first: Photos that only the first one gets right.
        only_second: Photos that only the second one gets right.
        neither: Photos that both get wrong.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def images(self) -> int:
        """How many photos there are."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """Accuracy of the second less that of the first, -1..1."""
        return (self.only_second - self.only_first) / self.images

    @property
    def p_value(self) -> float:
        """McNemar's test: how likely so uneven a division is if both are equally good."""
        apart = self.only_first + self.only_second
        return float(binomtest(self.only_second, apart).pvalue) if apart else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the difference (Newcombe 1998, method 10)."""
        first, second = self.both + self.only_first, self.both + self.only_second
        share_1, share_2 = first / self.images, second / self.images
        low_1, high_1 = wilson_interval(first, self.images)
        low_2, high_2 = wilson_interval(second, self.images)
        product = first * second * (self.images - first) * (self.images - second)
        apart = self.both * self.neither - self.only_first * self.only_second
        phi = apart / math.sqrt(product) if product else 0.0
        below = _joined(share_2 - low_2, high_1 - share_1, phi)
        above = _joined(high_2 - share_2, share_1 - low_1, phi)
        return self.difference - below, self.difference + above

    def __str__(self) -> str:
        low, high = self.interval
        verdict = "" if self.p_value < _SIGNIFICANT else ": this may be chance"
        return (
            f"the second model is {_points(self.difference)} points apart from the first "
            f"(95 % confidence interval {_points(low)} to {_points(high)}) on {self.images:,} "
            f"photos; {self.only_second} only the second gets right, {self.only_first} only the "
            f"first, McNemar's p = {self.p_value:.3f}{verdict}"
        )


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Comparison:
    """Compare whether two models got each of N photos right, [N] each."""
    return Comparison(
        both=int((first & second).sum()),
        only_first=int((first & ~second).sum()),
        only_second=int((~first & second).sum()),
        neither=int((~first & ~second).sum()),
    )


def compare_evaluations(first: Evaluation, second: Evaluation) -> dict[str, Comparison]:
    """Compare what two models made of the same photos, by split.

    Raises:
        DataError: They are of other photos.
    """
    compared = {}
    for split, found in first.splits.items():
        other = second.splits[split]
        if [photo.path for photo in found.photos] != [photo.path for photo in other.photos]:
            raise DataError(f"the two evaluations are of other {split} photos")
        compared[split] = compare(found.right, other.right)
        logger.info("%s: %s", split, compared[split])
    return compared


def write_comparison(
    folder: Path, names: Sequence[str], comparisons: dict[str, Comparison]
) -> None:
    """Write a comparison of two models, by their names, for programs and for people."""
    content = {
        "models": list(names),
        "splits": {
            split: {
                **asdict(each),
                "difference": each.difference,
                "difference_ci95": each.interval,
                "p_value": each.p_value,
            }
            for split, each in comparisons.items()
        },
    }
    write_text(folder / COMPARISON_JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    lines = "".join(
        f"- {split}: {percent((each.both + each.only_first) / each.images)} and "
        f"{percent((each.both + each.only_second) / each.images)}; {each}.\n"
        for split, each in comparisons.items()
    )
    text = f"# Comparison\n\nThe first model: {names[0]}\nThe second model: {names[1]}\n\n{lines}"
    write_text(folder / COMPARISON_MARKDOWN, text)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
