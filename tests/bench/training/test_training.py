"""The comparison of trainings: both train on the same photos, and the verdict is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.lab.environments import ROOT
from bench.training.__main__ import (
    COMPILED,
    ORIGINAL,
    compare_speed,
    compare_time,
    link_some,
    loops,
    table,
    verdict,
)
from tests.classes import PHOTOS, TWELVE, draw_twelve_classes
from train.data.check import check_data_set
from train.recipe import read_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from train.recipe import Recipe


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw_twelve_classes(tmp_path / "data_set")
    return tmp_path / "data_set"


@pytest.fixture
def recipe() -> Recipe:
    settings = ["arch=resnet18", "init=scratch", "epochs=2", "crop_first=32", "crop_last=32"]
    return read_recipe(ROOT / "config" / "train.toml", [*settings, "workers=0"])


@pytest.mark.slow
def test_both_loops_learn_the_same_photos(data_root: Path, recipe: Recipe, tmp_path: Path) -> None:
    root = link_some(data_root, 12, tmp_path / "some")
    data_set, _ = check_data_set(root)
    assert data_set.class_names == TWELVE
    assert len(data_set.train) == 12
    assert len(data_set.val) == 12 * PHOTOS["val"]
    runs = compare_speed(root, {"ours": recipe}, rounds=1)
    assert {name: len(speeds) for name, speeds in runs.items()} == {ORIGINAL: 1, "ours": 1}
    assert all(speed > 0 for speeds in runs.values() for speed in speeds)
    times = compare_time(root, recipe, epochs=1)
    assert len(times["original"]) == 1
    assert len(times["ours"]) == recipe.epochs
    assert times["target"] == times["original"][0][0]
    reached = [seconds for accuracy, seconds in times["ours"] if accuracy >= times["target"]]
    assert times["ours_s"] == (reached[0] if reached else None)


def test_speeds_are_told_as_medians_and_ratios() -> None:
    lines = table({ORIGINAL: [9.0, 10.0, 12.0], "ours": [30.0, 24.0, 25.0]}).splitlines()
    assert lines[2:] == [
        "| the original loop | 10.0 | 9.0 to 12.0 | 1.00 |",
        "| ours | 25.0 | 24.0 to 30.0 | 2.50 |",
    ]


def test_each_loop_changes_one_thing() -> None:
    found = loops(ROOT / "config" / "train.toml", ["workers=1"], compiled=True)
    plain, *_ = found.values()
    assert (plain.crop_first, plain.crop_last, plain.workers) == (224, 224, 1)
    changed = {
        name: {key: value for key, value in vars(recipe).items() if value != vars(plain)[key]}
        for name, recipe in found.items()
    }
    assert changed == {
        "ours, fp32": {},
        "ours, no loader process": {"workers": 0},
        "ours, photos decoded anew": {"cached_side": 0},
        COMPILED: {},
        "ours, 160 px, the recipe's mean": {"crop_first": 160, "crop_last": 160},
    }


def test_the_verdict_says_when_ours_is_as_good() -> None:
    times = {"target": 0.654, "original_s": 900.4}
    assert verdict(times | {"ours_s": 299.7}).endswith(
        "65.4 %, after 900 s; ours is as good after 300 s."
    )
    assert verdict(times | {"ours_s": None}).endswith("ours is never as good.")
