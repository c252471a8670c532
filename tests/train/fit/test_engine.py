"""One epoch: what it changes, and the effect of each setting."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from classifier.network import build_network
from classifier.parts import anatomy_of, head_of
from tests.models import PREPROCESSING
from train.data.check import check_data_set
from train.fit.engine import build_learner, train_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader, balanced_weights

if TYPE_CHECKING:
    from pathlib import Path

    from train.fit.engine import Learner
    from train.recipe import Recipe


def train_one_epoch(recipe: Recipe, data_root: Path) -> Learner:
    data_set, _ = check_data_set(data_root)
    torch.manual_seed(0)
    network = build_network(recipe.arch, 2)
    loader = TrainingLoader(data_set, recipe, PREPROCESSING)
    lesson = LabelLesson(network, recipe)
    learner = build_learner(lesson, recipe, recipe.epochs * len(loader), torch.device("cpu"))
    figures = train_epoch(learner, loader, recipe, 0)
    assert figures.loss > 0
    assert 0 <= figures.accuracy <= 1
    return learner


@pytest.mark.parametrize(
    "change",
    [
        {"optimizer": "adam", "schedule": "constant"},
        {"mixup": 0.4, "label_smoothing": 0.1},
        {"trivial_augment": True, "random_erasing": 0.5, "color_jitter": 0.3},
        {"quarter_turns": 1.0, "downscale_min": 0.1, "blur": 3.0},
        {"precision": "bf16", "channels_last": False},
        {"batch_size": 7},  # leaves a batch of one, which is dropped
        {"crop_mixed": True},
        {"balance": 1.0, "micro_batch": 3, "lr_first": 0.1},
    ],
    ids=str,
)
def test_every_setting_trains(
    tiny_recipe: Recipe, data_root: Path, change: dict[str, object]
) -> None:
    recipe = dataclasses.replace(tiny_recipe, **change)  # type: ignore[arg-type]
    learner = train_one_epoch(recipe, data_root)
    assert all(torch.isfinite(p).all() for p in learner.network.parameters())


def test_the_average_lags_behind_and_is_what_is_evaluated(
    tiny_recipe: Recipe, data_root: Path
) -> None:
    averaged = train_one_epoch(dataclasses.replace(tiny_recipe, ema_decay=0.9), data_root)
    plain = train_one_epoch(tiny_recipe, data_root)
    assert plain.evaluated is plain.network
    assert torch.equal(head_of(averaged.network).weight, head_of(plain.network).weight)
    assert not torch.equal(head_of(averaged.evaluated).weight, head_of(averaged.network).weight)
    assert not torch.equal(
        *(n.get_buffer("bn1.running_mean") for n in (averaged.evaluated, averaged.network))
    )


def test_a_frozen_network_learns_in_its_head_alone(tiny_recipe: Recipe, data_root: Path) -> None:
    learner = train_one_epoch(dataclasses.replace(tiny_recipe, frozen=True), data_root)
    torch.manual_seed(0)
    before = build_network(tiny_recipe.arch, 2)
    head = anatomy_of(before).head
    changed = {
        name.rpartition(".")[0]
        for name, value in before.state_dict().items()
        if not torch.equal(value, learner.network.state_dict()[name])
    }
    assert changed == {head}


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_has_the_same_batches_whatever_came_before(
    tiny_recipe: Recipe, data_root: Path, workers: int
) -> None:
    data_set, _ = check_data_set(data_root)
    recipe = dataclasses.replace(
        tiny_recipe, epochs=2, crop_first=32, crop_last=64, workers=workers
    )

    def batches(loader: TrainingLoader, epoch: int) -> list[torch.Tensor]:
        return [images for images, _ in loader.epoch(epoch)]

    used = TrainingLoader(data_set, recipe, PREPROCESSING)
    first = batches(used, 0)
    second = batches(used, 1)
    fresh = batches(TrainingLoader(data_set, recipe, PREPROCESSING), 1)
    assert [len(images) for images in first] == [len(images) for images in second]
    assert all(images.shape[2:] == (32, 32) for images in first)
    assert all(images.shape[2:] == (64, 64) for images in second)
    assert all(torch.equal(*pair) for pair in zip(second, fresh, strict=True))


def test_workers_change_nothing(tiny_recipe: Recipe, data_root: Path) -> None:
    alone = train_one_epoch(tiny_recipe, data_root)
    helped = train_one_epoch(dataclasses.replace(tiny_recipe, workers=1), data_root)
    assert torch.equal(head_of(alone.network).weight, head_of(helped.network).weight)


def test_one_cycle_warms_up_and_ends_near_zero(tiny_recipe: Recipe) -> None:
    recipe = dataclasses.replace(tiny_recipe, lr=1e-3)
    lesson = LabelLesson(build_network(tiny_recipe.arch, 2), recipe)
    learner = build_learner(lesson, recipe, 10, torch.device("cpu"))
    rates = []
    for _ in range(10):
        rates.append(learner.optimizer.param_groups[0]["lr"])
        learner.optimizer.step()
        if len(rates) < 10:
            learner.schedule.step()
    assert rates[0] < max(rates)
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates[-1] < 1e-6


def test_scales_and_biases_do_not_decay(tiny_recipe: Recipe) -> None:
    lesson = LabelLesson(build_network(tiny_recipe.arch, 2), tiny_recipe)
    learner = build_learner(lesson, tiny_recipe, 4, torch.device("cpu"))
    weights, others = learner.optimizer.param_groups
    assert weights["weight_decay"] == tiny_recipe.weight_decay
    assert others["weight_decay"] == 0
    assert {p.ndim for p in others["params"]} == {1}


def test_parts_of_a_batch_add_up_to_its_gradients(tiny_recipe: Recipe, data_root: Path) -> None:
    # Without batch normalisation, whose statistics are those of a part, and without chance.
    recipe = dataclasses.replace(tiny_recipe, frozen=True, optimizer="adam", batch_size=8)
    whole = train_one_epoch(recipe, data_root)
    in_parts = train_one_epoch(dataclasses.replace(recipe, micro_batch=3), data_root)
    torch.testing.assert_close(
        head_of(in_parts.network).weight, head_of(whole.network).weight, rtol=1e-4, atol=1e-6
    )


def test_first_layers_learn_at_a_share_of_the_rate(tiny_recipe: Recipe) -> None:
    recipe = dataclasses.replace(tiny_recipe, schedule="constant", lr=0.1, lr_first=0.01)
    network = build_network(recipe.arch, 2)
    learner = build_learner(LabelLesson(network, recipe), recipe, 10, torch.device("cpu"))
    rates = {
        id(parameter): group["lr"]
        for group in learner.optimizer.param_groups
        for parameter in group["params"]
    }
    in_order = [rates[id(parameter)] for parameter in network.parameters()]
    assert in_order == sorted(in_order)
    assert in_order[0] == pytest.approx(0.001)
    assert rates[id(head_of(network).weight)] == learner.optimizer.param_groups[0]["lr"] == 0.1


def test_classes_are_drawn_as_evenly_as_the_recipe_wants() -> None:
    labels = [0] * 900 + [1] * 100
    for balance, share in ((0.0, 0.1), (0.5, 0.25), (1.0, 0.5)):
        weights = balanced_weights(labels, balance)
        assert sum(weights[900:]) / sum(weights) == pytest.approx(share)


def test_a_balanced_epoch_has_as_many_of_each_class(tiny_recipe: Recipe, data_root: Path) -> None:
    for number in range(40):
        colours = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(colours).save(data_root / f"train/red/more{number}.png")
    data_set, _ = check_data_set(data_root)
    recipe = dataclasses.replace(tiny_recipe, balance=1.0, epochs=3)
    labels = [
        label
        for epoch in range(3)
        for _, some in TrainingLoader(data_set, recipe, PREPROCESSING).epoch(epoch)
        for label in some.tolist()
    ]
    assert len(labels) == 3 * 48
    assert 0.35 < np.mean(labels) < 0.65


def test_a_photo_that_is_drawn_again_looks_otherwise(tiny_recipe: Recipe, data_root: Path) -> None:
    for path in [*data_root.glob("train/*/*.jpg")][::2]:
        if path.parent.name == "red":
            path.unlink()
    data_set, _ = check_data_set(data_root)
    labels = [photo.label for photo in data_set.train]
    recipe = dataclasses.replace(tiny_recipe, balance=1.0, batch_size=6)
    batch = next(iter(TrainingLoader(data_set, recipe, PREPROCESSING).epoch(0)))
    assert len(labels) == len(batch[0])
    assert len({image.numpy().tobytes() for image in batch[0]}) == len(batch[0])


def test_mixed_crops_are_of_one_size_in_a_batch_and_come_again(
    tiny_recipe: Recipe, data_root: Path
) -> None:
    data_set, _ = check_data_set(data_root)
    settings = {"crop_first": 32, "crop_last": 128, "crop_mixed": True, "batch_size": 2}
    recipe = dataclasses.replace(tiny_recipe, **settings)  # type: ignore[arg-type]

    def sizes(epoch: int) -> list[int]:
        loader = TrainingLoader(data_set, recipe, PREPROCESSING)
        shapes = [images.shape for images, _ in loader.epoch(epoch)]
        assert all(shape[2] == shape[3] for shape in shapes)
        return [shape[2] for shape in shapes]

    drawn = [sizes(epoch) for epoch in range(8)]
    assert {size for some in drawn for size in some} == {32, 64, 96, 128}
    assert len({tuple(some) for some in drawn}) > 1
    assert sizes(3) == drawn[3]
