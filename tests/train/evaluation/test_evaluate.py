"""An evaluation: classes by name, doubtful figures, and replaced weights."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from classifier.description import DESCRIPTION_FILE, read_description, write_description
from classifier.errors import ModelError
from classifier.labels import LABELS_FILE, read_labels, write_labels
from classifier.network import load_network
from classifier.similarity import CLASS_MEANS_FILE
from tests.models import CLASS_NAMES
from train.errors import DataError
from train.evaluation.__main__ import main
from train.evaluation.cautions import cautions
from train.evaluation.class_means import add_class_means
from train.evaluation.evaluate import evaluate_folder
from train.evaluation.metrics import measure
from train.fit.weights import write_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REVERSED = (2, 1, 0)


@pytest.fixture
def few(data_set_folder: Path, tmp_path: Path) -> Path:
    """The data set, with two photos of each class in each split."""
    for split in ("train", "val"):
        for name in CLASS_NAMES:
            (tmp_path / "few" / split / name).mkdir(parents=True)
            for photo in sorted((data_set_folder / split / name).iterdir())[:2]:
                shutil.copy(photo, tmp_path / "few" / split / name)
    return tmp_path / "few"


@pytest.fixture
def reordered(model_folder: Path, tmp_path: Path) -> Path:
    """The same model, with its outputs and labels in another order than the alphabet's."""
    folder = shutil.copytree(model_folder, tmp_path / "reordered")
    description = read_description(folder / DESCRIPTION_FILE)
    weights = folder / description.weights_file
    state = load_network(weights, description.arch, 3).state_dict()
    for name in ("fc.weight", "fc.bias"):
        state[name] = state[name][list(REVERSED)]
    sha256 = write_weights(weights, state)
    fields = vars(description) | {"weights_sha256": sha256, "class_means_sha256": ""}
    (folder / CLASS_MEANS_FILE).unlink()
    write_description(folder / DESCRIPTION_FILE, type(description)(**fields))
    write_labels(folder / LABELS_FILE, [CLASS_NAMES[index] for index in REVERSED])
    return folder


def test_classes_are_matched_by_name_in_any_order(
    model_folder: Path, reordered: Path, few: Path
) -> None:
    usual, other = evaluate_folder(model_folder, few), evaluate_folder(reordered, few)
    assert read_labels(reordered / LABELS_FILE) == other.data_set.class_names == CLASS_NAMES[::-1]
    for split, found in usual.splits.items():
        theirs = other.splits[split]
        assert theirs.metrics.accuracy == found.metrics.accuracy
        for path, label in theirs.photos:
            assert other.data_set.class_names[label] == path.parent.name
        by_name = {one.name: one for one in theirs.metrics.per_class}
        assert [by_name[name] for name in CLASS_NAMES] == list(found.metrics.per_class)
        np.testing.assert_allclose(
            theirs.probabilities[:, list(REVERSED)], found.probabilities, atol=1e-6
        )


def test_class_means_follow_the_order_of_the_outputs(
    model_folder: Path, reordered: Path, few: Path
) -> None:
    means = []
    for folder in (reordered, shutil.copytree(model_folder, reordered.with_name("usual"))):
        description = read_description(folder / DESCRIPTION_FILE)
        add_class_means(folder, description, evaluate_folder(folder, few).splits)
        means.append(np.load(folder / CLASS_MEANS_FILE))
    np.testing.assert_allclose(means[0][list(REVERSED)], means[1], rtol=1e-4, atol=1e-6)


def test_some_of_the_classes_are_evaluated_and_it_is_told(
    model_folder: Path, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        shutil.rmtree(few / split / "roses")
    urls = ["--data_url", str(few), "--train_url", str(model_folder)]
    assert main([*urls, "--eval_url", str(tmp_path / "out")]) == 0
    told = "Of the model's 3 classes, 1 have no photos here, and no figures: roses."
    assert told in (tmp_path / "out/analysis-val/evaluation.md").read_text(encoding="utf-8")
    page = (tmp_path / "out/analysis-val/report.html").read_text(encoding="utf-8")
    assert "NaN" not in page
    assert capsys.readouterr().err.count("error") == 0
    description = read_description(model_folder / DESCRIPTION_FILE)
    splits = evaluate_folder(model_folder, few).splits
    with pytest.raises(DataError, match="no training photos of roses"):
        add_class_means(tmp_path, description, splits)


def test_a_class_that_the_model_does_not_know_is_refused_by_name(
    model_folder: Path, few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        (few / split / "roses").rename(few / split / "cats")
    assert main(["--data_url", str(few), "--train_url", str(model_folder)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "the model does not know cats, it knows daisy, roses, tulips" in line


@pytest.mark.parametrize("name", ["weights", CLASS_MEANS_FILE])
def test_files_that_the_description_is_not_about_are_refused(
    model_folder: Path, data_set_folder: Path, tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    if name == "weights":
        name = read_description(folder / DESCRIPTION_FILE).weights_file
        torch.save(
            torch.load(folder / name, weights_only=True) | {"n": torch.ones(1)}, folder / name
        )
    else:
        np.save(folder / name, np.zeros((3, 512), np.float32))
    with pytest.raises(ModelError, match=f"{name}: model.json beside it describes another file"):
        evaluate_folder(folder, data_set_folder)


def told_of(predicted: Sequence[int], labels: Sequence[int], split: str = "val") -> list[str]:
    probabilities = np.eye(3, dtype=np.float32)[list(predicted)]
    return list(cautions(split, measure(probabilities, labels, CLASS_NAMES)))


def test_a_sound_result_needs_no_caution() -> None:
    labels = [0, 1, 2] * 10
    assert told_of(labels, labels) == []


def test_few_photos_are_told_where_they_choose() -> None:
    labels = [0, 1, 2] * 9
    (told,) = told_of(labels, labels)
    assert told.startswith("With 27 photos the accuracy says little")
    assert told_of(labels, labels, split="train") == []


def test_one_class_for_everything_is_told() -> None:
    (told,) = told_of([1] * 30, [0, 1, 2] * 10)
    assert told.startswith("Every photo gets the class roses: the model tells nothing apart.")


def test_chance_is_told() -> None:
    labels = [0, 1, 2] * 20
    (told,) = told_of([0, 2, 1] * 20, labels)
    assert told == (
        "This may be chance: always answering daisy would be right for 33.3 % of these photos."
    )
    # Right more often than by chance, but no more often than the largest class alone would be.
    (told,) = told_of([0] * 58 + [1, 2], [0] * 54 + [1] * 3 + [2] * 3)
    assert "always answering daisy would be right for 90.0 %" in told
