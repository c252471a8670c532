"""Compares two sets of answers to the same photos: agreement, confidence differences, order.

Where photos came in folders named by class, also which side is right more often.

`ui.compare_tab` gets the answers and shows the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from certainty.paired import pair_up
from client.api.inference import Prediction
from ui.folders import folder_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from certainty.paired import Paired
    from ui.asking import Outcome


@dataclass(frozen=True)
class Pair:
    """One photo, with each side's answer."""

    left: Outcome
    right: Outcome

    @property
    def is_answered(self) -> bool:
        """Whether both sides classified it."""
        return all(isinstance(side.result, Prediction) for side in (self.left, self.right))

    @property
    def agrees(self) -> bool:
        """Whether both sides name the same class."""
        left, right = self.left.result, self.right.result
        return (
            isinstance(left, Prediction)
            and isinstance(right, Prediction)
            and left.label == right.label
        )

    @property
    def difference(self) -> float:
        """The right side's probability of the left side's label, minus the left side's, -1..1.

        A class that is not among the right side's best counts as 0.
        """
        left, right = self.left.result, self.right.result
        if not isinstance(left, Prediction) or not isinstance(right, Prediction):
            return 0.0
        return dict(right.scores).get(left.label, 0.0) - left.probability


@dataclass(frozen=True)
class Comparison:
    """All photos: first those on which the sides differ, last those without two answers.

    `agreement` is the share of answered photos with the same label, 0..1; None if there are none.
    """

    pairs: tuple[Pair, ...]
    answered: int
    agreement: float | None
    summed_difference: float
    mean_difference: float
    largest_difference: float


def compare(left: Iterable[Outcome], right: Iterable[Outcome]) -> Comparison:
    """Compare the answers to the same photos in the same order."""
    pairs = [Pair(*sides) for sides in zip(left, right, strict=True)]
    answered = [pair for pair in pairs if pair.is_answered]
    sizes = [abs(pair.difference) for pair in answered]
    return Comparison(
        pairs=tuple(sorted(pairs, key=_first_what_differs)),
        answered=len(answered),
        agreement=sum(pair.agrees for pair in answered) / len(answered) if answered else None,
        summed_difference=sum(sizes),
        mean_difference=sum(sizes) / len(sizes) if sizes else 0.0,
        largest_difference=max(sizes, default=0.0),
    )


@dataclass(frozen=True)
class Labelled:
    """Which side is right more often, on the photos whose class is known.

    Attributes:
        paired: How often each side is right; None if no photo that both answered has a known class.
        unknown: The folders that are no class, sorted.
        others: Photos that both sides answered, of no known class.
    """

    paired: Paired | None
    unknown: tuple[str, ...]
    others: int


def compare_labelled(pairs: Sequence[Pair], classes: Collection[str]) -> Labelled:
    """Compare the answers with the folders that the photos came in.

    Args:
        pairs: The photos, with both sides' answers; those without both do not count.
        classes: The classes of the models; empty if they are unknown: every folder is one then.
    """
    answered = [(folder_of(pair.left.path), pair) for pair in pairs if pair.is_answered]
    known = [(name, pair) for name, pair in answered if name and (name in classes or not classes)]
    unknown = {name for name, _ in answered if name} - {name for name, _ in known}
    left = [_is(pair.left, name) for name, pair in known]
    right = [_is(pair.right, name) for name, pair in known]
    return Labelled(
        pair_up(left, right) if known else None,
        tuple(sorted(unknown)),
        len(answered) - len(known),
    )


def _is(side: Outcome, label: str) -> bool:
    return isinstance(side.result, Prediction) and side.result.label == label


def _first_what_differs(pair: Pair) -> tuple[bool, bool, float]:
    return not pair.is_answered, pair.agrees, -abs(pair.difference)
