"""`RUNTIME=auto` and `SIZE=auto`: the fastest form that passes the accuracy gate."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING

import pytest

from archive import gate
from archive.__main__ import main
from archive.build import build
from archive.errors import BuildError
from archive.gate import Figures
from archive.grid import Trial, choose, chosen, describe, forms_to_try
from archive.memory import memory_of
from archive.optimise import cpu_precisions
from archive.source import read_source
from classifier.model import RUNTIME_FILE, RuntimeChoice
from tests.archive.packing import MODEL_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

SAME = Figures(accuracy=0.95, fp32_accuracy=0.95, agreement=1.0, images=2000)
WORSE = dataclasses.replace(SAME, accuracy=0.94)
OTHERS = dataclasses.replace(SAME, agreement=0.97)
# All agree, and yet an agreement of 98 % would not be surprising.
SOME = dataclasses.replace(SAME, images=150)
FEW = dataclasses.replace(SAME, images=99)
FP32, BF16, INT8 = "openvino-fp32", "openvino-bf16", "openvino-int8"


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((SAME, SAME, SAME, SAME), (INT8, 160)),
        ((SAME, SAME, SAME, WORSE), (FP32, 160)),
        ((SAME, SAME, WORSE, OTHERS), (INT8, 224)),
        ((SAME, WORSE, WORSE, WORSE), (FP32, 224)),
        ((SOME, SOME, SOME, SOME), (INT8, 224)),  # another size needs more photos
        ((FEW, FEW, FEW, FEW), (FP32, 224)),  # too few to know anything
    ],
)
def test_the_fastest_that_passes_is_chosen(
    figures: tuple[Figures, ...], expected: tuple[str, int]
) -> None:
    forms = ((FP32, 224, 100.0), (INT8, 224, 300.0), (FP32, 160, 310.0), (INT8, 160, 600.0))
    trials = [
        Trial(runtime, size, figure, speed, 10**8)
        for (runtime, size, speed), figure in zip(forms, figures, strict=True)
    ]
    best = choose(trials)
    assert (best.runtime, best.size) == expected
    text = describe(trials, best)
    assert [line.rstrip(" |").endswith("chosen") for line in text.splitlines()[3:]] == [
        trial == best for trial in trials
    ]


@pytest.mark.parametrize(
    ("runtime", "precisions", "tried"),
    [
        ("auto", {"FP32", "BF16", "INT8", "BIN"}, [FP32, BF16, INT8]),
        ("auto", {"FP32", "INT8"}, [FP32, INT8]),  # bf16 would be float32 by another name
        (INT8, {"FP32"}, [INT8]),  # what was asked for
        (BF16, {"FP32"}, [BF16]),
        ("torch-fp32", {"FP32"}, ["torch-fp32"]),
    ],
)
def test_only_what_was_asked_for_or_this_cpu_computes_is_tried(
    runtime: str, precisions: set[str], tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.grid.cpu_precisions", lambda: precisions)
    assert forms_to_try(runtime) == tried


def test_every_cpu_computes_float32() -> None:
    assert cpu_precisions() >= {"FP32"}


def test_a_little_faster_is_no_reason_to_be_less_exact() -> None:
    exact, bf16 = Trial(FP32, 224, SAME, 100.0, 10**8), Trial(BF16, 224, SAME, 102.0, 10**8)
    assert choose([exact, bf16]) == exact
    assert choose([exact, bf16._replace(photos_per_s=104.0)]).runtime == BF16


def test_why_a_form_was_not_chosen_is_said() -> None:
    trials = [Trial(FP32, 224, SAME, 100.0, 10**8), Trial(INT8, 224, OTHERS, 400.0, 9 * 10**7)]
    fp32, int8 = describe(trials, trials[0]).splitlines()[-2:]
    assert fp32 == (
        "| openvino-fp32, 224 px | 95.00% (94.0% to 95.9%) | 100.00% | 100 | 100 MB | chosen |"
    )
    assert int8 == (
        "| openvino-int8, 224 px | 95.00% (94.0% to 95.9%) | 97.00% | 400 | 90 MB | "
        "it agrees with float32 on 97.00% of the photos, at least 98.5% are required |"
    )


def test_auto_size_needs_photos(model_folder: Path) -> None:
    source = read_source(model_folder)
    with (
        pytest.raises(BuildError, match="SIZE=auto measures each size on photos"),
        chosen(source, "auto", "auto", None),
    ):
        pass


def test_without_photos_the_likely_runtime_is_left_to_the_build(model_folder: Path) -> None:
    source = read_source(model_folder)
    with chosen(source, "auto", "", None) as (same, runtime):
        assert (same, runtime) == (source, INT8)


def test_memory_is_that_of_a_process_without_pytorch(model_folder: Path, tmp_path: Path) -> None:
    build(read_source(model_folder), FP32, None, tmp_path / "built")
    memory = memory_of(FP32, tmp_path / "built" / "model.xml", 224)
    assert 50e6 < memory < 600e6


@pytest.mark.slow
def test_an_archive_holds_the_form_that_was_measured(
    model_folder: Path,
    data_set_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    # Fresh weights tell the drawn classes apart by chance only; and the photos are few.
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: True))
    monkeypatch.setattr(Trial, "objections", lambda *_: [])
    folder = shutil.copytree(model_folder, tmp_path / "model")

    def built(name: str, *wishes: str) -> tuple[RuntimeChoice, bytes]:
        output = tmp_path / name
        options = ["--model", str(folder), "--data-url", str(data_set_folder), *wishes]
        options += ["--output", str(output), "--model-config", str(MODEL_CONFIG)]
        assert main(["build", *options]) == 0
        choice = RuntimeChoice.read(output / RUNTIME_FILE)
        return choice, (output / "model.bin").read_bytes()

    choice, model = built("auto", "--runtime", "auto", "--size", "96")
    assert f"| {choice.runtime}, 96 px |" in caplog.text
    assert "chosen" in caplog.text
    assert choice.accuracy["images"] == len(list(data_set_folder.glob("val/*/*")))
    # What it says repeats the choice, repeats it to the byte.
    wishes = f"RUNTIME={choice.runtime} SIZE=96"
    assert f"{wishes} repeats this choice" in caplog.text
    again, same_model = built("again", "--runtime", choice.runtime, "--size", "96")
    assert (again.runtime, same_model) == (choice.runtime, model)
