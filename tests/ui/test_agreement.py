"""Two answers to the same photos, compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from certainty.paired import Paired
from client.api.inference import Prediction
from client.errors import RequestRejected
from ui.agreement import compare, compare_labelled
from ui.asking import Outcome


def outcome(name: str, **scores: float) -> Outcome:
    ranked = sorted(scores.items(), key=lambda score: -score[1])
    refusal = RequestRejected(400, "InvalidImage", "not an image")
    return Outcome(Path(name), Prediction(tuple(ranked)) if ranked else refusal)


def test_what_differs_comes_first_and_what_failed_last() -> None:
    left = [
        outcome("failed"),
        outcome("near", daisy=0.9, roses=0.1),
        outcome("far", daisy=0.9, roses=0.1),
        outcome("differs", daisy=0.6, roses=0.4),
    ]
    right = [
        outcome("failed", daisy=1.0),
        outcome("near", daisy=0.8, roses=0.2),
        outcome("far", daisy=0.6, roses=0.4),
        outcome("differs", daisy=0.45, roses=0.55),
    ]
    found = compare(left, right)
    assert [pair.left.name for pair in found.pairs] == ["differs", "far", "near", "failed"]
    assert found.answered == 3
    assert found.agreement == pytest.approx(2 / 3)
    assert found.mean_difference == pytest.approx((0.15 + 0.3 + 0.1) / 3)
    assert found.summed_difference == pytest.approx(0.15 + 0.3 + 0.1)
    assert found.largest_difference == pytest.approx(0.3)
    assert found.pairs[1].difference == pytest.approx(-0.3)


def test_a_class_that_the_other_side_does_not_name_counts_as_nothing() -> None:
    (pair,) = compare([outcome("a", daisy=0.7)], [outcome("a", roses=0.9)]).pairs
    assert pair.difference == pytest.approx(-0.7)


def test_without_two_answers_nothing_is_said_of_agreement() -> None:
    assert compare([outcome("a")], [outcome("a", daisy=1.0)]).agreement is None


def test_photos_in_folders_named_by_class_say_which_side_is_right() -> None:
    slash = "\N{DIVISION SLASH}"
    names = [f"daisy{slash}a", f"daisy{slash}b", f"roses{slash}c", f"weeds{slash}d", "e", "daisy"]
    left = [outcome(name, daisy=0.9, roses=0.1) for name in names]
    right = [outcome(name, roses=0.9, daisy=0.1) for name in names]
    failed = [outcome(f"daisy{slash}f")], [outcome(f"daisy{slash}f", daisy=1.0)]
    pairs = compare([*left, *failed[0]], [*right, *failed[1]]).pairs
    found = compare_labelled(pairs, {"daisy", "roses"})
    assert found.paired == Paired(both=0, only_first=2, only_second=1, neither=0)
    assert found.unknown == ("weeds",)
    assert found.others == 3
    assert compare_labelled(pairs, ()).paired == Paired(0, 2, 1, 1)  # no server says its classes


def test_photos_without_folders_have_no_known_class() -> None:
    pairs = compare([outcome("a", daisy=1.0)], [outcome("a", daisy=1.0)]).pairs
    assert compare_labelled(pairs, {"daisy"}).paired is None
