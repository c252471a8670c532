"""A named place without a model ends in one line; no other model replaces it."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

import archive.__main__ as archive_command
import archive.modelarts.__main__ as modelarts_command
import train.evaluation.__main__ as evaluate_command
from archive.errors import BuildError
from archive.photos import fetch_photos
from tests.e2e.served import ROOT
from tests.s3 import FOREIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3

COMMANDS = {
    "archive": lambda model, out: archive_command.main(
        [
            *("build", "--model", model, "--runtime", "openvino-fp32", "--output", f"{out}/built"),
            *("--model-config", str(ROOT / "config/model-config.yaml")),
        ]
    ),
    "modelarts": lambda model, out: modelarts_command.main(["--model", model, "--output", out]),
    "evaluate": lambda model, out: evaluate_command.main(
        ["--train_url", model, "--data_url", out, "--eval_url", f"{out}/evaluation"]
    ),
}


def said(command: str, model: str, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must fail; return its one line."""
    assert COMMANDS[command](model, str(out)) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_model_ends_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "resnet34.pth").touch()
    line = said(command, str(tmp_path), tmp_path / "out", capsys)
    assert f"{tmp_path} holds no model (no model.json)" in line
    assert "make import WEIGHTS=" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_training_that_was_broken_off_is_told_apart(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.pt").touch()
    line = said(command, str(tmp_path), tmp_path / "out", capsys)
    assert "an unfinished training and no model: continue with `make train RESUME=1" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bucket_is_named_as_the_user_did(
    command: str,
    s3: S3,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in os.environ if FOREIGN.fullmatch(name)]:
        monkeypatch.delenv(name)
    for name, value in s3.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    s3.make_bucket("no-model")
    s3.put("no-model", "resnet/model/resnet34.pth", b"weights")
    line = said(command, "obs://no-model/resnet/model", tmp_path / "out", capsys)
    assert "obs://no-model/resnet/model holds no model (no model.json)" in line
    assert str(tmp_path / "cache") not in line


def asked(*arguments: str) -> tuple[str, str]:
    """Return what `make archive` would build from, and its objection."""
    environment = {name: value for name, value in os.environ.items() if name != "TRAIN_URL"}
    process = subprocess.run(
        ["make", "--dry-run", "archive", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    model = re.search(r"archive.inputs .* --model '([^']+)'", process.stdout)
    return model[1] if model else "", process.stderr


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        ((), "pretrained"),
        (("ARCH=resnet34",), "pretrained"),
        (("ARCH=efficientnet_lite0",), "pretrained/efficientnet-lite0"),
        (("ARCH=efficientnet_lite0", "TRAIN_URL=mine"), "mine"),
    ],
    ids=str,
)
def test_arch_names_a_starter_where_no_model_was_named(
    arguments: tuple[str, ...], model: str
) -> None:
    assert asked(*arguments)[0] == model
    assert (ROOT / model / "model.json").is_file() or model == "mine"


def test_a_starter_that_does_not_exist_ends_in_one_line() -> None:
    model, objection = asked("ARCH=resnet9")
    assert not model
    assert "no starter resnet9" in objection
    assert "starters resnet34 efficientnet_lite0" in objection


def test_a_model_of_another_network_than_was_asked_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wishes = ["--model", str(ROOT / "pretrained"), "--runtime", "openvino-int8"]
    config = ["--model-config", str(ROOT / "config/model-config.yaml")]
    output = ["--output", str(tmp_path / "built")]
    wrong = archive_command.main(["build", *wishes, *config, *output, "--arch", "resnet18"])
    assert wrong == 1
    assert "holds a resnet34, not a resnet18: leave out TRAIN_URL" in capsys.readouterr().err
    right = archive_command.main(["build", *wishes, *config, *output, "--arch", "resnet34"])
    assert right == 0


def test_photos_that_were_named_and_are_missing_end_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"DATA_URL={tmp_path}/photos: there is no such folder"):
        fetch_photos(f"{tmp_path}/photos")


@pytest.mark.parametrize("data_url", [None, "none", "data_set"])
def test_without_photos_of_ones_own_nothing_is_missed(
    data_url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch_photos(data_url) is None
