"""Several processes train like one, and a killed one is replaced."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import nn

from classifier.network import build_network, read_state_dict
from train.__main__ import main
from train.fit.batch_norm import WholeBatchNorm, WholeBatchNormAct, synchronise_batch_norm

ROOT = Path(__file__).parents[2]
# Sums of another order round differently, and Adam divides by what may be as small.
LOSS_TOLERANCE = 0.02
LEARNING_RATE = 1e-4  # at 1e-3 the number of threads alone makes a difference of 3 %
EPOCHS = 3


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_whole_batch_norm_is_the_usual_one_in_one_process(kind: type[nn.BatchNorm2d]) -> None:
    torch.manual_seed(0)
    usual = nn.Sequential(nn.Conv2d(3, 5, 1), kind(5))
    ours = nn.Sequential(nn.Conv2d(3, 5, 1), kind(5))
    ours.load_state_dict(usual.state_dict())
    synchronise_batch_norm(ours)
    assert isinstance(ours[1], WholeBatchNorm | WholeBatchNormAct)
    images = 3 + torch.randn(4, 3, 6, 6)
    for network in (usual, ours):
        network(images).square().mean().backward()
    for name, expected in usual.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], expected, rtol=1e-5, atol=1e-6)
    for mine, its in zip(ours.parameters(), usual.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.eval()(images), usual.eval()(images))


@pytest.mark.parametrize("arch", ["resnet18", "tf_efficientnet_lite0"])
def test_all_norms_of_a_network_are_synchronised_and_keep_their_names(arch: str) -> None:
    network = build_network(arch, 2)
    names = list(network.state_dict())
    synchronise_batch_norm(network)
    assert list(network.state_dict()) == names
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert all(isinstance(norm, WholeBatchNorm | WholeBatchNormAct) for norm in norms)


@pytest.mark.slow
@pytest.mark.usefixtures("without_page")
def test_two_processes_one_of_which_is_killed_train_as_one_does(
    tiny_arguments: list[str], tmp_path: Path
) -> None:
    # Batches of 3, 3 and 2 photos: one process has two of the first ones, and counts twice.
    settings = [f"epochs={EPOCHS}", "crop_last=32", f"lr={LEARNING_RATE}", "batch_size=3"]
    arguments = [*tiny_arguments, *(word for setting in settings for word in ("--set", setting))]
    assert main(arguments) == 0
    expected = tmp_path / "artifacts"
    folder = tmp_path / "several"
    urls = ["--train_url", str(folder), "--resume"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts=1"]
    process = subprocess.run(
        [*torchrun, "--nproc-per-node=2", "-m", "tests.train.fit.killed_once", *arguments, *urls],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr.count(f"epoch {EPOCHS}/{EPOCHS}:") == 1  # one of them tells
    # The first process may have been stopped while it saved the second epoch.
    assert re.search(rf"resumed after epoch [12]/{EPOCHS}", process.stderr)

    losses, whole_losses = (
        [epoch["train_loss"] for epoch in json.loads((path / "report.json").read_text())["epochs"]]
        for path in (folder, expected)
    )
    assert losses == pytest.approx(whole_losses, rel=LOSS_TOLERANCE)
    mine, its = (read_state_dict(path / "test_resnet.pth") for path in (folder, expected))
    assert mine.keys() == its.keys()
