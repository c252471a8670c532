"""Old checkpoints still load, or are refused in one line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel

from classifier.network import build_network
from train.data.check import check_data_set
from train.errors import CheckpointError
from train.fit.checkpoint import CHECKPOINT_FILE, Checkpoint
from train.fit.loop import train_network

if TYPE_CHECKING:
    from pathlib import Path

    from train.recipe import Recipe


@pytest.fixture
def plain(tiny_recipe: Recipe) -> Recipe:
    return dataclasses.replace(
        tiny_recipe,
        arch="resnet18",  # the first release trained no others
        epochs=1,
        ema_decay=0.5,
    )


@pytest.fixture
def taught(plain: Recipe) -> Recipe:
    return dataclasses.replace(
        plain,
        teacher="efficientnet-lite0",
        teacher_epochs=1,
        distil_labels=0.5,
        distil_features=1.0,
    )


def write_as_version_0_1(path: Path, recipe: Recipe, data_fingerprint: str) -> dict[str, Any]:
    """Write what the first release wrote after an epoch, with nothing but PyTorch; return it."""
    torch.manual_seed(1)
    network = build_network(recipe.arch, 2)
    channels = zip((64, 128, 256, 512), (24, 40, 112, 320), strict=True)
    adapters = nn.ModuleList(
        nn.Conv2d(mine, its, 1, bias=False) for mine, its in channels if recipe.teacher != "none"
    )
    learned = [*network.parameters(), *adapters.parameters()]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=recipe.lr)
    schedule = OneCycleLR(optimizer, max_lr=recipe.lr, total_steps=2)
    for parameter in learned:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    schedule.step()
    record = {"epoch": 0, "crop": 32, "train_loss": 0.5, "train_accuracy": 0.5, "seconds": 1.0}
    record |= {"val_accuracy": 0.75, "learning_rate": 1e-3, "images_per_s": 8.0}
    content = {
        "recipe": dataclasses.asdict(recipe),
        "data_fingerprint": data_fingerprint,
        "git_revision": "r" * 40,
        "history": [record],
        "best_epoch": 0,
        "best_state": network.state_dict(),
        "learner": {
            "network": network.state_dict(),
            "average": AveragedModel(network, use_buffers=True).state_dict(),
            **({"adapters": adapters.state_dict()} if len(adapters) else {}),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        },
    }
    torch.save(content, path)
    return content


def resume(recipe: Recipe, data_root: Path, path: Path) -> Any:
    """Resume a training that has all its epochs; return the learner's state that it ended with."""
    data_set, fingerprint = check_data_set(data_root)
    checkpoint = Checkpoint(path, recipe, fingerprint)
    network = build_network(recipe.arch, 2)
    progress = train_network(network, data_set, recipe, checkpoint=checkpoint, resume=True)
    return progress, network


def test_a_checkpoint_of_the_first_release_is_resumed(
    plain: Recipe, data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learners: list[Any] = []
    from train.fit.engine import build_learner  # noqa: PLC0415 - as it is before patching

    def remember(*arguments: Any) -> Any:
        learners.append(build_learner(*arguments))
        return learners[-1]

    monkeypatch.setattr("train.fit.loop.build_learner", remember)
    _, fingerprint = check_data_set(data_root)
    path = tmp_path / CHECKPOINT_FILE
    written = write_as_version_0_1(path, plain, fingerprint)
    progress, network = resume(plain, data_root, path)
    assert [record.val_accuracy for record in progress.history] == [0.75]
    for name, value in written["learner"]["network"].items():
        assert torch.equal(network.state_dict()[name], value)
    state = learners[-1].state_dict()
    assert state.keys() == written["learner"].keys()
    for name, value in written["learner"]["average"].items():
        assert torch.equal(state["average"][name], value)
    moments = written["learner"]["optimizer"]["state"]
    assert state["optimizer"]["state"].keys() == moments.keys()
    for number, moment in moments.items():
        assert torch.equal(state["optimizer"]["state"][number]["exp_avg"], moment["exp_avg"])


def test_a_checkpoint_whose_state_does_not_fit_is_refused_in_one_line(
    taught: Recipe, data_root: Path, tmp_path: Path
) -> None:
    _, fingerprint = check_data_set(data_root)
    path = tmp_path / CHECKPOINT_FILE
    write_as_version_0_1(path, taught, fingerprint)  # whose teacher had other channels
    with pytest.raises(CheckpointError, match="its state does not fit this training") as caught:
        resume(taught, data_root, path)
    assert "\n" not in str(caught.value)
    assert "train without --resume" in str(caught.value)
