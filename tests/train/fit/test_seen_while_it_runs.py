"""Watching a training: events, the report's curves, and an early end if it diverges."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from classifier.network import build_network
from train.data.check import check_data_set
from train.errors import DivergenceError
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint, EpochRecord, Progress
from train.fit.events import EVENTS_FOLDER
from train.fit.loop import train_network
from train.fit.monitor import Sample
from train.learning_curves import plot_learning_curves

if TYPE_CHECKING:
    from pathlib import Path

    from train.recipe import Recipe

# What TensorBoard calls the figures of an epoch.
TAGS = {
    "loss/train": "train_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/val": "val_accuracy",
    "recipe/learning_rate": "learning_rate",
    "speed/images_per_s": "images_per_s",
}


def train(
    recipe: Recipe, data_root: Path, folder: Path, *, resume: bool = False, samples: list[Sample]
) -> Progress:
    data_set, fingerprint = check_data_set(data_root)
    return train_network(
        build_network(recipe.arch, 2),
        data_set,
        recipe,
        checkpoint=Checkpoint(folder / CHECKPOINT_FILE, recipe, fingerprint),
        resume=resume,
        samples=samples,
    )


def shown(folder: Path, name: str) -> list[tuple[int, float]]:
    """Return the steps and values of a scalar, as TensorBoard shows them."""
    events = EventAccumulator(str(folder / EVENTS_FOLDER))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_events_tell_each_epoch_once(
    tiny_recipe: Recipe, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = [Sample(0.0, 1e9, 1e9, None, None)]  # of the time before, which does not count
    use = Sample(1.0, 170.0, 900.0, None, None)
    saved = Checkpoint.save

    def save(*arguments: object) -> None:
        saved(*arguments)  # type: ignore[arg-type]
        samples.append(use)

    monkeypatch.setattr(Checkpoint, "save", save)
    progress = train(tiny_recipe, data_root, tmp_path, samples=samples)
    for record, step in zip(progress.history, (1, 2), strict=True):
        for tag, name in TAGS.items():
            assert dict(shown(tmp_path, tag))[step] == pytest.approx(getattr(record, name))
    assert shown(tmp_path, "machine/cpu_percent_mean") == [(1, 170.0), (2, 170.0)]

    # A second training in the same folder hides the first.
    again = train(dataclasses.replace(tiny_recipe, epochs=1), data_root, tmp_path, samples=[])
    ((step, loss),) = shown(tmp_path, "loss/train")
    assert step == 1
    assert loss == pytest.approx(again.history[0].train_loss)


def test_a_training_that_diverges_stops_and_keeps_the_last_good_epoch(
    tiny_recipe: Recipe, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from train.fit.engine import train_epoch  # noqa: PLC0415 - as it is before patching

    def diverge_in_the_second(
        learner: object, loader: object, recipe: Recipe, epoch: int
    ) -> object:
        for group in learner.optimizer.param_groups if epoch else ():  # type: ignore[attr-defined]
            group["lr"] = 1e30
        return train_epoch(learner, loader, recipe, epoch)  # type: ignore[arg-type]

    monkeypatch.setattr("train.fit.loop.train_epoch", diverge_in_the_second)
    recipe = dataclasses.replace(tiny_recipe, schedule="constant")
    with pytest.raises(DivergenceError, match=r"in epoch 2: .* --set lr=0.0003 \(it is 0.001\)$"):
        train(recipe, data_root, tmp_path, samples=[])
    _, fingerprint = check_data_set(data_root)
    kept, _ = Checkpoint(tmp_path / CHECKPOINT_FILE, recipe, fingerprint).load()
    assert [record.epoch for record in kept.history] == [0]


def test_a_resumed_training_records_the_revision_that_started_it(
    tiny_recipe: Recipe,
    data_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe = dataclasses.replace(tiny_recipe, epochs=1)
    monkeypatch.setattr("train.fit.loop.git_revision", lambda: "first")
    train(recipe, data_root, tmp_path, samples=[])
    monkeypatch.setattr("train.fit.loop.git_revision", lambda: "second")
    with caplog.at_level(logging.WARNING):
        progress = train(recipe, data_root, tmp_path, resume=True, samples=[])
    assert progress.git_revision == "first"
    assert "the code is at revision second; first started this training" in caplog.text


def test_curves_are_drawn_even_of_one_epoch(tmp_path: Path) -> None:
    record = EpochRecord(0, 32, 1.5, 0.5, 0.75, learning_rate=1e-3, images_per_s=10, seconds=1)
    plot_learning_curves(Progress("", [record], best_epoch=0), tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
