"""Corrected photos become a folder of class folders, which `make data` and a training take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.api.inference import Prediction
from ui.asking import Answer, Outcome
from ui.corrections import keep_corrected
from ui.keeping import keep_html

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def outcomes(tmp_path: Path) -> list[Outcome]:
    found = []
    for number in range(3):
        path = tmp_path / str(number) / "photo.jpg"
        path.parent.mkdir()
        path.write_bytes(b"photo %d" % number)
        found.append(Outcome(path, Prediction((("daisy", 0.9), ("roses", 0.1)))))
    return found


def kept_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).parts[0] for path in folder.rglob("*.jpg"))


def test_each_marked_photo_lies_in_the_folder_of_its_class(
    outcomes: list[Outcome], tmp_path: Path
) -> None:
    folder = tmp_path / "corrections"
    kept = keep_corrected(outcomes, {0: "roses", 2: "roses"}, folder)
    assert kept.classes == {"roses": 2}
    assert kept_in(folder) == ["roses", "roses"]  # of one name, and both are there
    keep_corrected(outcomes, {0: "tulips"}, folder)  # a second thought
    assert kept_in(folder) == ["roses", "tulips"]


@pytest.mark.parametrize("label", ["../outside", "..", ""])
def test_a_class_is_no_way_out_of_the_folder(
    outcomes: list[Outcome], tmp_path: Path, label: str
) -> None:
    with pytest.raises(ValueError, match="no name of a folder"):
        keep_corrected(outcomes, {0: label}, tmp_path / "corrections")


def test_the_page_says_how_to_train_with_them(outcomes: list[Outcome], tmp_path: Path) -> None:
    answer = Answer(tuple(outcomes), 1.0)
    folder = tmp_path / "my corrections"
    said = keep_html(answer, {"1": "roses"}, folder, "en")
    assert "1 photos are in" in said
    assert "data_set/train/ &amp;&amp; make train" in said
    assert "No answer is marked" in keep_html(answer, {}, folder, "en")
    assert "not saved" in keep_html(answer, {"1": "a/b"}, folder, "en")
