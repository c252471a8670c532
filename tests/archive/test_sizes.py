"""`SIZE=`: the same weights at another size, measured anew; `auto` only where the gate passes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import torch

from archive.__main__ import main
from archive.errors import BuildError
from archive.gate import Figures
from archive.sizes import Trial, at_size, choose, sized
from archive.source import read_source
from classifier.description import read_description
from classifier.network import read_state_dict
from tests.archive.packing import MODEL_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

SAME = Figures(accuracy=0.95, fp32_accuracy=0.95, agreement=1.0, images=2000)
WORSE = dataclasses.replace(SAME, accuracy=0.94)
OTHERS = dataclasses.replace(SAME, agreement=0.97)
# All agree, and yet an agreement of 96 % would not be surprising.
FEW = dataclasses.replace(SAME, accuracy=1.0, fp32_accuracy=1.0, images=100)


@pytest.mark.parametrize(
    ("smaller", "size"),
    [
        ([SAME, SAME, WORSE], 160),
        ([SAME, WORSE, WORSE], 192),
        ([WORSE, WORSE, WORSE], 224),
        ([OTHERS, OTHERS, OTHERS], 224),
        ([FEW, FEW, FEW], 224),  # too few to know: the model's own size stays
        ([], 224),
    ],
)
def test_the_smallest_size_that_passes_is_chosen(smaller: list[Figures], size: int) -> None:
    sizes = (192, 160, 128)
    trials = [Trial(224, SAME, 100.0)]
    trials += [Trial(s, figures, 200.0) for s, figures in zip(sizes, smaller, strict=False)]
    assert choose(trials) == size


def test_the_resize_changes_in_proportion(model_folder: Path) -> None:
    source = read_source(model_folder)
    own = source.description.preprocessing
    smaller = at_size(source, 160).description.preprocessing
    assert (smaller.crop, smaller.resize) == (160, round(own.resize * 160 / own.crop))
    assert dataclasses.replace(smaller, crop=own.crop, resize=own.resize) == own


def test_without_photos_the_accuracy_at_another_size_was_never_measured(
    model_folder: Path,
) -> None:
    source = read_source(model_folder)
    with sized(source, "96", None) as smaller:
        description = read_description(smaller.folder / "model.json")
        assert description.preprocessing.crop == 96
        assert description.val_accuracy is None
        assert description.reject_below is None
        assert description.temperature == source.description.temperature
        before, after = read_state_dict(source.weights), read_state_dict(smaller.weights)
        assert all(torch.equal(before[name].float(), after[name].float()) for name in before)
    with sized(source, "", None) as same:
        assert same is source


def test_with_photos_it_is_measured_again(model_folder: Path, data_set_folder: Path) -> None:
    source = read_source(model_folder)
    with sized(source, "96", data_set_folder) as smaller:
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


def test_auto_needs_photos(model_folder: Path) -> None:
    source = read_source(model_folder)
    with (
        pytest.raises(BuildError, match="SIZE=auto measures each size on photos"),
        sized(source, "auto", None),
    ):
        pass
