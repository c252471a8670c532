"""`SIZE=`: the same weights at another size, measured anew."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import pytest
import torch

from archive.__main__ import main
from archive.sizes import at_size, sized, sizes_of
from archive.source import read_source
from classifier.description import read_description
from classifier.network import read_state_dict
from tests.archive.packing import MODEL_CONFIG
from tests.train.conftest import CONFIG
from train.recipe import read_recipe, recipe_text

if TYPE_CHECKING:
    from pathlib import Path


def test_the_resize_changes_in_proportion(model_folder: Path) -> None:
    source = read_source(model_folder)
    own = source.description.preprocessing
    smaller = at_size(source, 160).description.preprocessing
    assert (smaller.crop, smaller.resize) == (160, round(own.resize * 160 / own.crop))
    assert dataclasses.replace(smaller, crop=own.crop, resize=own.resize) == own


def test_sizes_are_the_wish_or_what_was_trained_or_all_smaller_ones(
    model_folder: Path, tmp_path: Path
) -> None:
    source = read_source(model_folder)
    own = source.description.preprocessing.crop
    assert own == 224
    assert sizes_of(source, "160") == [160]
    assert sizes_of(source, "auto") == [224, 192, 160, 128, 96]
    mixed = read_source(shutil.copytree(model_folder, tmp_path / "mixed"))
    recipe = read_recipe(CONFIG / "train.toml", ["crop_first=128", "crop_last=224"])
    for crop_mixed, sizes in ((False, [224]), (True, [224, 192, 160, 128])):
        text = recipe_text(dataclasses.replace(recipe, crop_mixed=crop_mixed))
        (mixed.folder / "recipe.toml").write_text(text, encoding="utf-8")
        assert sizes_of(mixed, "") == sizes
    (mixed.folder / "recipe.toml").unlink()  # an imported model
    assert sizes_of(mixed, "") == [224]


def test_without_photos_the_accuracy_at_another_size_was_never_measured(
    model_folder: Path,
) -> None:
    source = read_source(model_folder)
    with sized(source, 96, None) as smaller:
        description = read_description(smaller.folder / "model.json")
        assert description.preprocessing.crop == 96
        assert description.val_accuracy is None
        assert description.reject_below is None
        assert description.temperature == source.description.temperature
        before, after = read_state_dict(source.weights), read_state_dict(smaller.weights)
        assert all(torch.equal(before[name].float(), after[name].float()) for name in before)
    with sized(source, 224, None) as same:
        assert same is source


def test_with_photos_it_is_measured_again(model_folder: Path, data_set_folder: Path) -> None:
    source = read_source(model_folder)
    with sized(source, 96, data_set_folder) as smaller:
        description = smaller.description
        assert description.val_accuracy is not None
        assert description.val_images is not None
        assert description.val_images > 0


@pytest.mark.parametrize("size", ["16", "4096", "0", "-160", "160px", "large"])
def test_what_is_no_size_is_refused(
    size: str, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(model_folder), "--runtime", "openvino-fp32", f"--size={size}"]
    output = ["--output", str(tmp_path / "built"), "--model-config", str(MODEL_CONFIG)]
    assert main(["build", *arguments, *output]) == 1
    assert f"SIZE={size}: expected 32 to 1024 pixels" in capsys.readouterr().err
    assert not (tmp_path / "built").exists()
