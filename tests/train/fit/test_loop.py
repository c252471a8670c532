"""Which epoch is kept."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from classifier.network import build_network
from classifier.parts import head_of
from train.data.check import check_data_set
from train.fit.checkpoint import Checkpoint
from train.fit.loop import train_network

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from train.fit.checkpoint import Progress
    from train.recipe import Recipe


def test_the_earliest_of_the_best_epochs_is_kept(
    tiny_recipe: Recipe, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies = iter([0.5, 0.75, 0.75, 0.25])
    monkeypatch.setattr("train.fit.loop._accuracy", lambda *_: next(accuracies))
    recipe = dataclasses.replace(tiny_recipe, epochs=4, crop_last=32)
    data_set, fingerprint = check_data_set(data_root)
    network = build_network(recipe.arch, 2)
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", recipe, fingerprint)
    progress = train_network(network, data_set, recipe, checkpoint=checkpoint, resume=False)
    assert progress.best_epoch == 1
    assert len(progress.history) == 4
    # A copy, not a view that the later epochs went on changing.
    assert not torch.equal(progress.best_state["fc.weight"], head_of(network).weight)

    stored, _ = checkpoint.load()
    assert stored.history == progress.history
    assert torch.equal(stored.best_state["fc.weight"], progress.best_state["fc.weight"])


def test_patience_ends_a_training_that_no_longer_improves(
    tiny_recipe: Recipe, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracies = iter([0.5, 0.75, 0.75, 0.25, 1.0])
    monkeypatch.setattr("train.fit.loop._accuracy", lambda *_: next(accuracies))
    recipe = dataclasses.replace(tiny_recipe, epochs=5, crop_last=32, patience=2)
    data_set, fingerprint = check_data_set(data_root)
    checkpoint = Checkpoint(tmp_path / "checkpoint.pt", recipe, fingerprint)

    def train(*, resume: bool) -> Progress:
        network = build_network(recipe.arch, 2)
        return train_network(network, data_set, recipe, checkpoint=checkpoint, resume=resume)

    assert (train(resume=False).best_epoch, len(checkpoint.load()[0].history)) == (1, 4)
    assert len(train(resume=True).history) == 4  # it has ended, and goes on no more
