"""Recipes: the shipped ones, overrides, and hints for mistakes."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.description import Preprocessing
from tests.train.conftest import CONFIG
from train.errors import RecipeError
from train.recipe import Recipe, Within, differences, read_recipe, recipe_text, to_recipe

if TYPE_CHECKING:
    from pathlib import Path

RECIPES = sorted(CONFIG.glob("*.toml"))


def test_original_is_the_reference_recipe() -> None:
    assert read_recipe(CONFIG / "original.toml") == Recipe(
        name="original",
        arch="resnet34",
        init="imagenet",
        epochs=3,
        batch_size=16,
        optimizer="adam",
        lr=1e-4,
        weight_decay=0.0,
        schedule="constant",
        label_smoothing=0.0,
        mixup=0.0,
        crop_scale_min=0.08,
        flip=True,
        color_jitter=0.0,
        trivial_augment=False,
        random_erasing=0.0,
        crop_first=224,
        crop_last=224,
        ema_decay=0.0,
        teacher="none",
        teacher_epochs=1,
        distil_labels=0.0,
        distil_features=0.0,
        calibrate=False,
        precision="fp32",
        channels_last=False,
        seed=0,
        workers=8,
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid_and_named_like_their_files(path: Path) -> None:
    assert read_recipe(path).name == path.stem


@given(
    lr=st.floats(1e-9, 10),
    seed=st.integers(0, 2**32 - 1),
    name=st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    flip=st.booleans(),
)
def test_written_recipes_read_back_equal(lr: float, seed: int, name: str, flip: bool) -> None:
    recipe = dataclasses.replace(
        read_recipe(CONFIG / "train.toml"), lr=lr, seed=seed, name=name, flip=flip
    )
    assert to_recipe(tomllib.loads(recipe_text(recipe))) == recipe


def test_overrides_are_typed() -> None:
    recipe = read_recipe(
        CONFIG / "train.toml", ["lr=2", "flip=false", "arch=resnet18", "epochs = 7"]
    )
    assert (recipe.lr, recipe.flip, recipe.arch, recipe.epochs) == (2.0, False, "resnet18", 7)
    assert isinstance(recipe.lr, float)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epoch=3", "unknown setting 'epoch'; did you mean epochs?"),
        ("zzz=3", "unknown setting 'zzz'; known are name, arch"),
        ("lr", "--set lr: expected name=value, such as lr=1e-3"),
        ("lr=fast", "'fast' is no float"),
        ("epochs=2.5", "epochs must be of type int, found 2.5"),
        ("flip=1", "flip must be of type bool, found 1"),
        ("batch_size=1", "batch_size must be in 2..65536, found 1"),
        ("epochs=0", "epochs must be in 1..10000, found 0"),
        ("lr=nan", "lr must be in 1e-09..10, found nan"),
        ("optimizer=sgd", "optimizer must be one of adam, adamw; found 'sgd'"),
        ("crop_last=64", "crop_last must be at least crop_first, found 64"),
    ],
)
def test_mistakes_are_refused_with_a_hint(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_recipe(CONFIG / "train.toml", [override])
    assert message in str(caught.value)
    assert "train.toml" in str(caught.value)


@dataclass(frozen=True)
class Longer(Recipe):
    """A recipe with one more setting: this field is one of its two places."""

    warm_up: Annotated[int, Within(0, 10)] = 0


def test_a_new_setting_is_a_field_and_a_line_of_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "train.toml"
    shipped = (CONFIG / "train.toml").read_text(encoding="utf-8")
    path.write_text(f"{shipped}warm_up = 3  # the other place\n", encoding="utf-8")
    recipe = read_recipe(path, kind=Longer)
    assert isinstance(recipe, Longer)
    assert recipe.warm_up == 3
    assert "warm_up = 3\n" in recipe_text(recipe)
    for override, message in (
        ("warm_up=11", "warm_up must be in 0..10, found 11"),
        ("warm_up=often", "'often' is no int"),
        ("warmup=3", "did you mean warm_up?"),
    ):
        with pytest.raises(RecipeError, match=re.escape(message)):
            read_recipe(path, [override], kind=Longer)
    for other in RECIPES:  # which do not know it
        assert read_recipe(other, kind=Longer) == Longer(**dataclasses.asdict(read_recipe(other)))
    old_checkpoint = dataclasses.asdict(read_recipe(CONFIG / "train.toml"))
    assert differences(old_checkpoint, recipe) == ["warm_up 0 -> 3"]
    assert differences(old_checkpoint, dataclasses.replace(recipe, warm_up=0, workers=9)) == []


def test_the_size_that_is_served_is_a_setting() -> None:
    lite = Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert read_recipe(CONFIG / "train.toml").preprocessing == lite
    assert read_recipe(CONFIG / "original.toml").preprocessing == Preprocessing()
    changes = ["resize=182", "crop=160", "squash=true", "interpolation=bicubic"]
    recipe = read_recipe(CONFIG / "train.toml", [*changes, "mean=[0.5, 0.5, 0]", "std=[1, 1, 1]"])
    assert recipe.preprocessing == Preprocessing(
        182, 160, (0.5, 0.5, 0.0), (1.0, 1.0, 1.0), squash=True, interpolation="bicubic"
    )
    for wrong, message in (
        ("crop=288", "crop must be in 1..256"),
        ("mean=[0.5]", "mean and std must hold three values"),
        ('mean=["a", "b", "c"]', "mean must be a list of numbers"),
        ("arch=resnet43", "did you mean .*resnet34"),
    ):
        with pytest.raises(RecipeError, match=message):
            read_recipe(CONFIG / "train.toml", [wrong])


def test_missing_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    path.write_text('name = "short"\n')
    with pytest.raises(RecipeError, match="missing settings: arch, init, epochs"):
        read_recipe(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: cannot read the recipe"):
        read_recipe(tmp_path / "none.toml")
