"""Serving needs no PyTorch: the small environment's commands work with nothing else installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archive import gate
from archive.__main__ import main
from archive.build import FIGURES_FILE, INT8_FOLDER, quantise_starter
from archive.source import read_source
from classifier.model import CLASS_WEIGHTS_FILE
from classifier.parts import class_weights_of
from tests.archive.packing import MODEL_CONFIG, ROOT

if TYPE_CHECKING:
    from pathlib import Path

# Runs a module as `python -m` would, where no package but those of serve.txt can be imported.
RESTRICTED = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
ABSENT = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def pinned(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^([\w.-]+)==", text))


def absent() -> str:
    """Return the packages that only the full environment has, as they are imported."""
    extra = pinned("dev") - pinned("serve")
    return ",".join(
        name
        for name, owners in packages_distributions().items()
        if all(re.sub(r"[-_.]+", "-", owner).lower() in extra for owner in owners)
    )


def run_small(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RESTRICTED, absent(), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_only_the_full_environment_has() -> None:
    missing = absent().split(",")
    assert {"torch", "torchvision", "nncf", "scipy", "sklearn", "timm"} <= set(missing)
    assert not {"numpy", "openvino", "ts", "yaml"} & set(missing)


@pytest.mark.parametrize("command", ["archive", "client", "server", "storage"])
def test_a_command_needs_nothing_else(command: str) -> None:
    process = run_small(command, "--help")
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("runtime", ["auto", "openvino-int8"])
def test_the_starter_is_archived_without_pytorch(tmp_path: Path, runtime: str) -> None:
    built = tmp_path / "built"
    options = ["--model", "pretrained", "--runtime", runtime]
    process = run_small(
        *("archive", "build", *options, "--data-url", "none"),
        *("--model-config", str(MODEL_CONFIG), "--output", str(built)),
    )
    assert process.returncode == 0, process.stderr
    head = class_weights_of(read_source(ROOT / "pretrained").network.module)
    assert np.array_equal(np.load(built / CLASS_WEIGHTS_FILE), head)


def environment_for(model: Path, runtime: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["environment", "--model", str(model), "--runtime", runtime]) == 0
    return capsys.readouterr().out.splitlines()[-1]


@pytest.mark.slow
def test_only_ready_forms_are_archived_in_the_small_environment(
    model_folder: Path,
    data_set_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    assert environment_for(folder, "openvino-int8", capsys) == "installed-full"
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: True))
    quantise_starter(read_source(folder), data_set_folder)
    assert environment_for(folder, "openvino-int8", capsys) == "installed"
    assert environment_for(folder, "openvino-bf16", capsys) == "installed-full"
    assert environment_for(folder, "torch-fp32", capsys) == "installed-full"
    (folder / INT8_FOLDER / FIGURES_FILE).unlink()
    assert environment_for(folder, "openvino-int8", capsys) == "installed-full"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--size=huge", "SIZE=huge: expected"),
        ("--arch=resnet18", "holds a resnet34, not a resnet18"),
    ],
)
def test_what_no_build_can_do_is_said_before_pytorch_is_installed(
    option: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["environment", "--model", str(ROOT / "pretrained"), "--runtime", "torch-fp32"]
    assert main([*command, option]) == 1
    assert told in capsys.readouterr().err
