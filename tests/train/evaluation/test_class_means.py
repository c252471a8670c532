"""Class means: their values and threshold, and adding them to an older model."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from classifier.description import (
    DESCRIPTION_FILE,
    read_description,
    sha256_of_file,
    write_description,
)
from classifier.network import load_network
from classifier.similarity import CLASS_MEANS_FILE, directions, similarity
from train.data.check import check_data_set
from train.evaluation.class_means import main
from train.evaluation.predict import see

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def older(model_folder: Path, data_set_folder: Path, tmp_path: Path) -> Path:
    """A model of the data set, as it was trained before there were class means."""
    folder = shutil.copytree(model_folder, tmp_path / "model")
    (folder / CLASS_MEANS_FILE).unlink()
    description = read_description(folder / DESCRIPTION_FILE)
    older = dataclasses.replace(
        description,
        data_fingerprint=check_data_set(data_set_folder)[1],
        class_means_sha256="",
        similarity_below=None,
    )
    write_description(folder / DESCRIPTION_FILE, older)
    return folder


def test_they_are_the_training_photos_and_few_others_are_below_the_threshold(
    older: Path, data_set_folder: Path
) -> None:
    before = read_description(older / DESCRIPTION_FILE)
    assert main(["--model", str(older), "--data_url", str(data_set_folder)]) == 0
    after = read_description(older / DESCRIPTION_FILE)
    means = np.load(older / CLASS_MEANS_FILE)

    network = load_network(older / after.weights_file, after.arch, 3)
    data_set, _ = check_data_set(data_set_folder)
    train = see(network, data_set.train, after.preprocessing).features.reshape(3, 8, -1)
    np.testing.assert_allclose(means, train.mean(axis=1), rtol=1e-4, atol=1e-6)
    val = see(network, data_set.val, after.preprocessing).features
    lowest, second = np.sort(similarity(val, directions(means)))[:2]
    assert after.similarity_below is not None
    assert lowest < after.similarity_below < second  # of 12 photos, 5 % are less than one
    assert after == dataclasses.replace(
        before,
        class_means_sha256=sha256_of_file(older / CLASS_MEANS_FILE),
        similarity_below=after.similarity_below,
        false_reject_rate=0.05,
    )


def test_photos_that_it_was_not_trained_on_are_refused(
    older: Path, data_set_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = shutil.copytree(data_set_folder, tmp_path / "others")
    next((others / "train").glob("*/*")).unlink()
    assert main(["--model", str(older), "--data_url", str(others)]) == 1
    assert "these are not the photos that the model in" in capsys.readouterr().err
    assert not (older / CLASS_MEANS_FILE).exists()
