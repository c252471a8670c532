"""The job around a training: six calls to a step, one job at a time, its run time and output."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
import torch

import train
from classifier.description import DESCRIPTION_FILE, sha256_of_file
from storage.locks import locked
from train.__main__ import main
from train.evaluation.__main__ import main as evaluate
from train.run_time import OTHER

PACKAGE = Path(train.__file__).parent


class Reached(Exception):
    """The optimizer is about to step; names of the functions of ours on the way there."""


def test_six_hops_lead_from_make_to_a_step_of_the_optimizer(
    tiny_arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(*_: object, **__: object) -> None:
        frames = [(Path(frame.filename), frame.name) for frame in traceback.extract_stack()]
        guard = PACKAGE / "cli.py"  # logs, and ends errors in one line
        raise Reached(*(name for at, name in frames if PACKAGE in at.parents and at != guard))

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(Reached) as reached:
        main(tiny_arguments)
    hops = ["make train", *reached.value.args, "step"]
    assert hops == ["make train", "main", "run", "train_network", "train_epoch", "step"]


def test_a_second_training_in_the_same_folder_is_refused(
    tiny_arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("train.urls._LOCK_DEADLINE_S", 0.0)
    with locked(tmp_path / "artifacts"):
        assert main(tiny_arguments) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert f"{tmp_path / 'artifacts'} is in use by process" in line
    assert "pytest" in line  # who it is
    assert line.endswith("wait until it has ended, or choose another --train_url")
    assert list((tmp_path / "artifacts").iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("without_page")
def test_a_model_is_replaced_as_a_whole_or_not_at_all(
    tiny_arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "artifacts"
    assert main(tiny_arguments) == 0
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    parts = report["run_time_parts_s"]
    expected = {"transfers", "data check", "training", "calibration", "evaluation", OTHER}
    assert set(parts) == expected
    assert sum(parts.values()) == pytest.approx(report["run_time_s"], abs=0.5)
    assert report["run_time_s"] > report["epochs_s"]
    assert "| evaluation | " in (folder / "report.md").read_text(encoding="utf-8")
    assert report["cautions"][0].startswith("With 4 photos the accuracy says little")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    finished = hashes(folder)
    arguments = [*tiny_arguments, "--resume", "--set", "calibrate=false"]
    with monkeypatch.context() as patch:
        patch.setattr("train.job.write_report", fail)
        assert main(arguments) == 1
    assert hashes(folder) == finished
    assert not list(folder.glob(".*"))

    # Killed between two of the renamings: the new weights are there, the old description still is.
    replace = Path.replace

    def stop_at_the_description(path: Path, target: Path) -> Path:
        if target == folder / DESCRIPTION_FILE:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stop_at_the_description)
        assert main(arguments) == 130
    assert evaluate([*tiny_arguments[:4], "--eval_url", str(tmp_path / "again")]) == 1
    assert "model.json beside it describes another file" in capsys.readouterr().err
    assert main(arguments) == 0
    assert evaluate([*tiny_arguments[:4], "--eval_url", str(tmp_path / "again")]) == 0


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: sha256_of_file(path)
        for path in folder.iterdir()
        if path.is_file() and path.name != "checkpoint.pt"
    }
