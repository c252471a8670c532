"""The preprocessing that the user specifies, and the defaults for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive.errors import ModelImportError
from archive.imports.checking import Alternative, check_alternatives, check_chance
from archive.imports.photos import Seen
from archive.imports.preprocessing import Wishes, alternatives, choose
from classifier.description import Preprocessing
from train.data.data_set import Photo

HALF = (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("arch", "said", "expected"),
    [
        ("resnet34", {}, {"resize": 256, "crop": 224}),
        ("resnet34", {"squash": True}, {"resize": 224, "crop": 224, "squash": True}),
        ("resnet34", {"crop": 112}, {"resize": 128, "crop": 112}),
        ("resnet34", {"crop": 112, "squash": True}, {"resize": 112, "crop": 112, "squash": True}),
        ("resnet34", {"mean": HALF, "std": HALF}, {"mean": HALF, "std": HALF}),
        ("resnet34", {"interpolation": "bicubic"}, {"interpolation": "bicubic"}),
        ("timm/resnet34", {}, {"resize": 235, "crop": 224, "interpolation": "bicubic"}),
    ],
)
def test_what_is_said_counts_and_the_rest_follows(
    arch: str, said: dict[str, Any], expected: dict[str, Any]
) -> None:
    chosen, source = choose(arch, Wishes(**said), {})
    assert chosen == Preprocessing(**expected)
    assert all(name in source for name in said)
    assert f"the default of {arch}" in source


def test_sizes_that_contradict_each_other_end_in_one_line() -> None:
    with pytest.raises(ModelImportError, match=r"preprocessing: crop must be in 1\.\.128"):
        choose("resnet34", Wishes(resize=128), {})


def test_the_alternatives_are_other_ones() -> None:
    for chosen in (Preprocessing(), Preprocessing(resize=224, squash=True, mean=HALF, std=HALF)):
        others = [other for _, other in alternatives(chosen)]
        assert chosen not in others
        assert len(others) == len(set(others)) >= 4


def seen(right: int, of: int = 100) -> Seen:
    """Answers to photos of two classes, the first `right` of them right."""
    labels = np.arange(of) % 2
    answers = np.where(np.arange(of) < right, labels, 1 - labels)
    photos = tuple(Photo(Path(str(index)), int(label)) for index, label in enumerate(labels))
    return Seen(photos, np.eye(2, dtype=np.float32)[answers], np.zeros((of, 1), np.float32))


def test_only_a_clearly_better_alternative_stops() -> None:
    check_alternatives(
        seen(80), [Alternative("a", "--a", seen(88)), Alternative("b", "--b", seen(60))]
    )
    with pytest.raises(ModelImportError) as caught:
        check_alternatives(
            seen(70),
            [Alternative("some", "--some", seen(85)), Alternative("more", "--more", seen(95))],
        )
    assert "70.0 % of the photos are right, but 95.0 % with more: " in str(caught.value)
    assert "Say --more, or go on as it is with ARGS=--force" in str(caught.value)


def test_guessing_is_told_from_knowing() -> None:
    check_chance(seen(70))
    with pytest.raises(ModelImportError, match="of 100 photos are right, no better than guessing"):
        check_chance(seen(55))
