"""The ablation: what is trained, that it is trained only once, and the computed effects."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.lab.environments import ROOT
from bench.training import ablation
from bench.training.ablation import SWITCHES, halves, main, preprocessing_of, variants
from bench.training.effects import as_dict, effects, markdown
from tests.classes import PHOTOS, TWELVE, draw_twelve_classes

if TYPE_CHECKING:
    from pathlib import Path

    from train.recipe import Recipe

TRAIN = ROOT / "config" / "train.toml"
MACHINE = {"cpu": "abacus", "cores": 2}


@pytest.fixture
def data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw_twelve_classes(tmp_path / "data_set")
    return tmp_path / "data_set"


def test_each_variant_changes_one_switch_of_the_default_recipe() -> None:
    base, *changed = variants(TRAIN, [])
    assert len(changed) == len(SWITCHES)
    assert (preprocessing_of(base).resize, preprocessing_of(base).crop) == (85, 75)
    for recipe, switch in zip(changed, SWITCHES, strict=True):
        names = [setting.partition("=")[0] for setting in switch]
        same = dataclasses.replace(recipe, **{name: getattr(base, name) for name in names})
        assert same == base
        assert all(getattr(recipe, name) != getattr(base, name) for name in names)


def test_a_switch_that_the_recipe_has_already_is_left_out() -> None:
    assert len(variants(TRAIN, ["flip=false"])) == len(SWITCHES)  # one is the base


def test_halves_share_out_all_photos_of_each_class(data_root: Path) -> None:
    data_set, _ = halves(data_root)
    photos = [*data_set.train, *data_set.val]
    assert len({photo.path for photo in photos}) == len(photos) == 12 * sum(PHOTOS.values())
    assert data_set.class_names == TWELVE
    assert all(photo.path.parent.name == TWELVE[photo.label] for photo in photos)
    for part in (data_set.train, data_set.val):
        assert {photo.label for photo in part} == set(range(12))


@pytest.mark.slow
def test_what_was_trained_is_not_trained_again(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "SWITCHES", (("flip=false",),))
    report = tmp_path / "report.md"
    command = [
        *("--data-url", str(data_root), "--work", str(tmp_path / "work"), "--output", str(report)),
        *("--seeds", "1", "--set", "epochs=1", "--set", "crop_last=32", "--set", "workers=0"),
    ]
    assert main(command) == 0
    kept = sorted((tmp_path / "work").glob("right-*.json"))
    assert [len(json.loads(path.read_text())) for path in kept] == [
        24
    ] * 4  # 2 of 3 each; the base thrice
    first = report.read_text(encoding="utf-8")
    content = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert [effect["after"] for effect in content["all"]] == [{"flip": False}]

    monkeypatch.setattr(ablation, "learn", lambda *_: pytest.fail("trained again"))
    assert main(command) == 0
    assert report.read_text(encoding="utf-8") == first


@pytest.fixture
def recipes() -> tuple[Recipe, Recipe]:
    base = variants(TRAIN, [])[0]
    return base, dataclasses.replace(base, flip=False)


def test_an_effect_is_held_against_chance(recipes: tuple[Recipe, Recipe]) -> None:
    base, changed = recipes
    right = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    other = np.array([[1, 0, 0, 0]], dtype=bool)
    found = effects(base, right, {changed: other})
    (effect,) = found.all
    assert (effect.before, effect.after) == ({"flip": True}, {"flip": False})
    assert found.accuracies == (0.75, 0.5, 0.25)
    assert found.photos == 4
    assert (effect.accuracy, effect.difference) == (0.25, -0.25)
    # By hand: the photos differ by 0, -2/3, -1/3, 0; the base's accuracies by 1/4 from their mean.
    assert found.deviation == pytest.approx(0.25)
    photos, chance = (11 / 108) / 4, 0.25**2 * (1 / 1 + 1 / 3)
    half = 1.959964 * math.sqrt(photos + chance)
    assert effect.ci95 == pytest.approx((-0.25 - half, -0.25 + half))
    assert not effect.is_clear
    assert json.dumps(as_dict(found, base))


def test_seeds_of_a_change_tell_of_chance_too(recipes: tuple[Recipe, Recipe]) -> None:
    base, changed = recipes
    right = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=bool)  # 1/4 from their mean
    other = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
    found = effects(base, right, {changed: other})
    assert found.deviation == pytest.approx(math.sqrt(2 * 0.25**2 / (1 + 2)))


def test_the_page_marks_what_is_clear(recipes: tuple[Recipe, Recipe]) -> None:
    base, changed = recipes
    right = np.ones((3, 400), dtype=bool)
    other = right[:1].copy()
    other[0, :100] = False
    page = markdown(effects(base, right, {changed: other}), base, 300, MACHINE)
    assert "| `flip = true` | `flip = false` | 75.0 % | **-25.0** | -29.2 to -20.8 |" in page
    assert "100.0 %, 100.0 %, 100.0 % with 3 seeds" in page
    assert "a standard deviation of 0.0 points" in page
    assert "trains on 300 photos and is measured on 400 others" in page
    page = markdown(effects(base, right, {changed: right}), base, 300, MACHINE)
    assert "| 100.0 % | +0.0 | +0.0 to +0.0 |" in page
