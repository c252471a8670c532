"""The whole job: what it writes, and that an interruption changes nothing."""

from __future__ import annotations

import json
import logging
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.description import DESCRIPTION_FILE, read_description, sha256_of_file
from classifier.labels import read_labels
from classifier.network import read_state_dict
from classifier.reference import read_reference
from classifier.runtimes import load_runtime
from classifier.similarity import CLASS_MEANS_FILE
from tests.train.conftest import draw_photo
from train.__main__ import main
from train.evaluation.__main__ import main as evaluate_main
from train.fit.checkpoint import CHECKPOINT_FILE
from train.fit.engine import train_epoch
from train.model_folder import picture_pixels
from train.recipe import read_recipe
from train.starter import export

EPOCHS_TO_INTERRUPT = 500
DOCUMENTATION = Path(__file__).parents[2] / "docs/training.md"


def start_training(arguments: list[str]) -> subprocess.Popen[str]:
    """Start a training of many epochs in a process of its own; return after its first epoch."""
    command = [sys.executable, "-m", "train", *arguments, "--set", f"epochs={EPOCHS_TO_INTERRUPT}"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=listen_to_interrupts,  # noqa: PLW1509  it only sets a signal's handling
    )
    checkpoint = Path(arguments[3]) / CHECKPOINT_FILE
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process


def listen_to_interrupts() -> None:
    """Undo what a shell does to its background jobs: they inherit that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished_epochs(folder: Path) -> int:
    content = torch.load(folder / CHECKPOINT_FILE, weights_only=True)
    return len(content["history"])


@pytest.mark.slow
def test_a_training_writes_what_the_archive_needs(
    tiny_arguments: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        platform = ["--num_gpus=1", "--init_method", "tcp://x"]
        assert main([*tiny_arguments, "--set", "arch=resnet18", *platform]) == 0
    assert "ignored unknown arguments: --num_gpus=1 --init_method tcp://x" in caplog.messages
    assert sum(message.startswith("epoch ") for message in caplog.messages) == 2

    folder = tmp_path / "artifacts"
    description = read_description(folder / DESCRIPTION_FILE)
    weights = folder / description.weights_file
    assert description.weights_file == "resnet18.pth"
    assert description.weights_sha256 == sha256_of_file(weights)
    assert description.recipe == "train"
    assert read_labels(folder / "index_to_name.json") == ("blue", "red")
    assert read_recipe(folder / "recipe.toml").arch == "resnet18"

    report = json.loads((folder / "report.json").read_text())
    assert report["metrics"]["val"]["accuracy"] == description.val_accuracy
    assert report["data"]["photos"] == {
        "train": {"blue": 4, "red": 4},
        "val": {"blue": 2, "red": 2},
    }
    assert [record["crop"] for record in report["epochs"]] == [32, 64]
    assert report["sha256"]["resnet18.pth"] == description.weights_sha256
    text = (folder / "report.md").read_text()
    for expected in ("95 % confidence interval", "resources.png", description.data_fingerprint):
        assert expected in text
    assert (folder / "resources.png").stat().st_size > 0
    assert (folder / "curves.png").stat().st_size > 0
    assert any((folder / "events").iterdir())
    documentation = DOCUMENTATION.read_text()
    for path in folder.iterdir():
        assert f"`{path.name.replace('resnet18', 'resnet34')}`" in documentation

    # What the handler's reference runtime answers is what the evaluation has written.
    runtime = load_runtime("torch-fp32", weights, threads=torch.get_num_threads())
    for name, expected_probabilities in read_reference(folder / "reference.json").items():
        logits = runtime.infer(np.stack([picture_pixels(name, description.preprocessing)])).logits[
            0
        ]
        exponentials = np.exp(logits - logits.max())
        np.testing.assert_allclose(
            exponentials / exponentials.sum(), expected_probabilities, atol=1e-5
        )

    written = (tmp_path / "out/analysis-val/evaluation.json").read_text()
    urls = tiny_arguments[:4]
    assert evaluate_main([*urls, "--eval_url", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/analysis-val/evaluation.json").read_text() == written
    photos = json.loads(written)["photos"]
    assert [photo["path"] for photo in photos][:2] == ["val/blue/0.jpg", "val/blue/1.jpg"]
    assert (tmp_path / "again/analysis-train/evaluation.md").exists()

    metrics = export(folder, Path(tiny_arguments[1]), tmp_path / "pretrained")
    exported = read_description(tmp_path / "pretrained" / DESCRIPTION_FILE)
    assert exported.val_accuracy == metrics.accuracy
    half = tmp_path / "pretrained/resnet18.safetensors"
    assert exported.weights_sha256 == sha256_of_file(half)
    assert half.stat().st_size < 0.51 * weights.stat().st_size
    for model in (folder, half.parent):
        written_means = sha256_of_file(model / CLASS_MEANS_FILE)
        assert read_description(model / DESCRIPTION_FILE).class_means_sha256 == written_means
    card = (tmp_path / "pretrained/README.md").read_text()
    assert exported.weights_sha256 in card
    assert "CC-BY 2.0" in card
    (half.parent / CLASS_MEANS_FILE).write_bytes(b"an earlier starter's")
    assert export(folder, Path(tiny_arguments[1]), half.parent) == metrics


@pytest.mark.slow
@pytest.mark.usefixtures("without_page")
def test_resuming_gives_the_same_weights_bit_for_bit(
    tiny_arguments: list[str], tmp_path: Path
) -> None:
    arguments = [*tiny_arguments, "--set", "ema_decay=0.5", "--set", "mixup=0.2"]
    assert main(arguments) == 0
    folder = tmp_path / "artifacts"
    whole = read_state_dict(folder / "test_resnet.pth")
    checkpoint = torch.load(folder / CHECKPOINT_FILE, weights_only=True)
    shutil.rmtree(folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.fit.loop.train_epoch", stop_before_epoch(1))
        assert main(arguments) == 130
    assert finished_epochs(folder) == 1
    assert main([*arguments, "--resume"]) == 0
    resumed = read_state_dict(folder / "test_resnet.pth")
    again = torch.load(folder / CHECKPOINT_FILE, weights_only=True)

    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    for part in ("network", "average"):
        last, last_again = checkpoint["learner"][part], again["learner"][part]
        assert all(torch.equal(last[key], last_again[key]) for key in last)


def stop_before_epoch(stop: int) -> object:
    """Return the loop's `train_epoch` with a Ctrl-C before an epoch."""

    def run_epoch(*arguments: object) -> object:
        if arguments[-1] == stop:
            raise KeyboardInterrupt
        return train_epoch(*arguments)  # type: ignore[arg-type]

    return run_epoch


@pytest.mark.slow
def test_kill_loses_at_most_the_running_epoch(tiny_arguments: list[str], tmp_path: Path) -> None:
    process = start_training(tiny_arguments)
    process.kill()
    process.communicate()
    done = finished_epochs(tmp_path / "artifacts")
    assert 1 <= done < EPOCHS_TO_INTERRUPT
    process = start_training([*tiny_arguments, "--resume"])
    while finished_epochs(tmp_path / "artifacts") == done:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert f"resumed after epoch {done}/{EPOCHS_TO_INTERRUPT}" in errors
    assert errors.splitlines()[-1] == "interrupted; finished epochs are kept, --resume continues"
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.usefixtures("without_page")
def test_a_checkpoint_of_another_training_is_refused(
    tiny_arguments: list[str], data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*tiny_arguments, "--set", "epochs=1", "--resume"]  # nothing to resume: starts
    assert main(arguments) == 0
    assert main([*arguments, "--set", "lr=0.01"]) == 1
    assert "is of another recipe (lr 0.001 -> 0.01)" in capsys.readouterr().err
    draw_photo(data_root / "train/red/new.jpg", (200, 40, 40), 99)
    assert main(arguments) == 1
    assert "the photos have changed since this checkpoint" in capsys.readouterr().err
    (Path(arguments[3]) / CHECKPOINT_FILE).write_bytes(b"torn")
    assert main(arguments) == 1
    assert "cannot read the checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--data_url", "gs://bucket/flowers"],
            "gs://bucket/flowers: cannot read or write gs:// URLs",
        ),
        (["--data_url", "none"], "2 problems with the data set"),
        (["--set", "epoch=1"], "did you mean epochs?"),
        (["--recipe", "none.toml"], "none.toml: cannot read the recipe"),
    ],
)
def test_errors_end_in_a_clear_message(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert message in errors


def test_a_training_begins_with_what_it_has(
    tiny_arguments: list[str], without_page: None, caplog: pytest.LogCaptureFixture
) -> None:
    del without_page
    with caplog.at_level(logging.INFO):
        assert main([*tiny_arguments, "--set", "epochs=1"]) == 0
    told = [record.getMessage() for record in caplog.records]
    assert "train: 8 photos (blue 4, red 4)" in told
    assert "val: 4 photos (blue 2, red 2)" in told
    assert "random weights; a new last layer for 2 classes" in told
    assert any(re.match(r"test_resnet, [\d.]+ million weights, on ", line) for line in told)
    (epoch,) = (line for line in told if line.startswith("epoch 1/1"))
    assert re.search(r"about \d+ min left, \d+ of them for the evaluation of all photos", epoch)
    first = next(number for number, line in enumerate(told) if line.startswith("epoch"))
    assert told.index("train: 8 photos (blue 4, red 4)") < first
