"""Decoded photos: the training stays the same, and no stale photos are used."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from classifier.network import build_network
from classifier.parts import head_of
from tests.models import PREPROCESSING
from tests.train.conftest import draw_photo
from train.data.check import check_data_set
from train.data.data_set import read_evaluation_pixels, read_rgb
from train.data.photo_cache import with_decoded_photos
from train.errors import CacheError
from train.evaluation.predict import predict
from train.fit.engine import build_learner, train_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from train.data.data_set import DataSet
    from train.recipe import Recipe

SIDE = 36  # of the drawn photos, whose long side is 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "marigold" / "photos"


def decoded(data_root: Path, side: int = SIDE) -> DataSet:
    data_set, fingerprint = check_data_set(data_root)
    return with_decoded_photos(data_set, fingerprint, side, PREPROCESSING)


def learned(data_set: DataSet, recipe: Recipe) -> Tensor:
    """Return weights after an epoch."""
    torch.manual_seed(0)
    network = build_network(recipe.arch, 2)
    loader = TrainingLoader(data_set, recipe, PREPROCESSING)
    lesson = LabelLesson(network, recipe)
    train_epoch(build_learner(lesson, recipe, 10, torch.device("cpu")), loader, recipe, 0)
    weights: Tensor = head_of(network).weight
    return weights


def test_photos_of_that_size_train_bit_for_bit_as_from_their_files(
    data_root: Path, tiny_recipe: Recipe
) -> None:
    from_files, _ = check_data_set(data_root)
    expected = learned(from_files, tiny_recipe)
    data_set = decoded(data_root)
    for photo in data_set.train:  # nothing more is read from them
        photo.path.unlink()
    assert torch.equal(learned(data_set, tiny_recipe), expected)
    helped = dataclasses.replace(tiny_recipe, workers=1)
    assert torch.equal(learned(data_set, helped), expected)


def test_larger_photos_are_shrunk_in_proportion(data_root: Path) -> None:
    data_set = decoded(data_root, side=18)
    assert data_set.decoded_train is not None
    assert len(data_set.decoded_train) == len(data_set.train)
    for index, photo in enumerate(data_set.train):
        pixels = data_set.decoded_train[index]
        assert pixels.shape == (18, 20, 3)
        full = np.asarray(read_rgb(photo.path), dtype=float)
        np.testing.assert_allclose(pixels.mean(axis=(0, 1)), full.mean(axis=(0, 1)), atol=1)


def test_the_evaluation_sees_what_the_handler_sees(data_root: Path) -> None:
    data_set = decoded(data_root, side=18)
    assert data_set.decoded_val is not None
    for index, photo in enumerate(data_set.val):
        expected = read_evaluation_pixels(photo.path, PREPROCESSING)
        np.testing.assert_array_equal(data_set.decoded_val[index], expected)
    network = build_network("resnet18", 2)
    from_files = predict(network, data_set.val, PREPROCESSING)
    from_cache = predict(network, data_set.val, PREPROCESSING, decoded=data_set.decoded_val)
    np.testing.assert_array_equal(from_cache, from_files)


def test_changed_photos_are_decoded_anew_and_the_older_are_removed(
    data_root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "train.data.photo_cache.hold", lambda _: None
    )  # this process uses none of them
    decoded(data_root)
    before = set(cache.glob("*/*"))
    decoded(data_root)
    assert set(cache.glob("*/*")) == before
    draw_photo(data_root / "train/red/0.jpg", (10, 200, 10), seed=99)
    changed = decoded(data_root)
    assert changed.decoded_train is not None
    assert len(before) == len(set(cache.glob("*/*")) - before) == len(set(cache.glob("*/*"))) == 2
    index = [photo.path.parts[-2:] for photo in changed.train].index(("red", "0.jpg"))
    assert changed.decoded_train[index].mean(axis=(0, 1)).argmax() == 1  # green


def test_what_a_killed_process_left_is_no_cache(data_root: Path, cache: Path) -> None:
    decoded(data_root)
    (folder,) = cache.glob("*/train-*")
    folder.rename(folder.with_name(".building"))
    (folder.with_name(".building") / "pixels.bin").write_bytes(b"torn")
    data_set = decoded(data_root)
    assert data_set.decoded_train is not None
    assert data_set.decoded_train[7].shape == (36, 40, 3)


def test_a_cache_that_cannot_be_written_is_an_error_with_its_remedy(
    data_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheError, match="cached_side=0"):
        decoded(data_root)
