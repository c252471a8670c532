"""The report, from recorded results; the figures in them were set by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bench.lab.plan import LONE, OURS, SECOND, STOCK
from bench.speed import report
from bench.speed.__main__ import main
from bench.speed.bars import Bar, bars
from bench.speed.results import Results
from bench.speed.summary import Summary

RECORDED = Path(__file__).with_name("results.json")


@pytest.fixture
def steps() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def bar(summary: Summary, what: str) -> Bar:
    return next(bar for bar in bars(summary) if bar.what.endswith(what))


def test_ratios_are_taken_within_each_round(steps: dict[str, Any]) -> None:
    # 300 / 20 and 320 / 25, and not 310 / 22.5.
    found = bar(Summary(steps), "16 clients / stock handler")
    assert found == Bar(found.what, "at least 9", "13.9 (12.8 to 15.0)", met=True)


@pytest.mark.parametrize(
    ("instructions", "required"),
    [(["avx2"], "at least 6"), (["avx2", "avx_vnni"], "at least 9"), (["amx_int8"], "at least 20")],
)
def test_what_is_required_depends_on_the_int8_instructions(
    steps: dict[str, Any], instructions: list[str], required: str
) -> None:
    steps["about"]["machine"]["instructions"] = instructions
    assert bar(Summary(steps), "16 clients / stock handler").required == required


def test_a_second_archive_and_a_lone_client_have_bars_of_their_own(
    steps: dict[str, Any], tmp_path: Path
) -> None:
    steps["second"] = {"arch": "tf_efficientnet_lite0", "classes": 5, "runtime": "openvino-int8"}
    steps["about"]["plan"]["servers"] += [SECOND, LONE]
    for number in (0, 1):
        steps[f"round {number} {SECOND}"] = copy.deepcopy(steps[f"round {number} {OURS}"])
        lone = {
            "closed": {"1": {"throughput": 10.0, "p50_ms": 80.0, "p95_ms": 90.0, "p99_ms": 99.0}}
        }
        steps[f"round {number} {LONE}"] = lone
        steps[f"round {number} {SECOND}"]["closed"]["1"]["p50_ms"] = 8.0
    summary = Summary(steps)
    assert bar(summary, "second archive / stock handler").required == "at least 16"
    found = bar(summary, "stock handler at batch 1, second archive")
    assert found == Bar(found.what, "at most 0.125", "0.10", met=True)
    report.write(steps, tmp_path / "benchmarks.md")
    text = (tmp_path / "benchmarks.md").read_text()
    assert "the second archive is a tf_efficientnet_lite0 as `openvino-int8`" in text
    assert "| **the second archive** |" in text
    assert text.count("| TorchServe, stock handler, batch 1 |") == 1  # latency of one client alone


def test_a_bar_that_is_missed_says_so(steps: dict[str, Any]) -> None:
    for number in (0, 1):
        steps[f"round {number} {OURS}"]["closed"]["16"]["throughput"] = 100.0
    assert not bar(Summary(steps), "16 clients / stock handler").met
    assert not bar(Summary(steps), "in-process limit").met


def test_what_was_not_measured_meets_nothing(steps: dict[str, Any]) -> None:
    for missing in ("ray", "litserve"):
        found = bar(Summary(steps), f"/ {missing}")
        assert found.found is None
        assert not found.met


def test_accuracy_lost_to_the_limit_is_met_and_beyond_it_is_not(steps: dict[str, Any]) -> None:
    for accuracy, met in ((0.895, True), (0.894, False)):
        steps["accuracy"] |= {"fp32_accuracy": 0.9, "accuracy": accuracy}
        assert bar(Summary(steps), "in points").met is met


def test_rounds_in_which_a_server_failed_are_left_out(steps: dict[str, Any]) -> None:
    steps[f"round 1 {STOCK}"] = {"error": "gone"}
    summary = Summary(steps)
    assert summary.throughput(STOCK) == {0: 20.0}
    assert bar(summary, "16 clients / stock handler").found == "15.0"
    assert summary.error(STOCK) == "gone"


def test_the_report_has_tables_plots_and_the_failure(steps: dict[str, Any], tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.md"
    report.write(steps, output)
    text = output.read_text(encoding="utf-8")
    assert "13.9 (12.8 to 15.0)" in text
    assert "Ray Serve failed: ray does not start" in text
    assert "| **this archive** |" in text
    assert "Not measured in this run: " in text
    for name in ("throughput", "clients", "cost", "sizes", "sweeps"):
        assert f"(images/bench-{name}.png)" in text
        assert (tmp_path / "images" / f"bench-{name}.png").stat().st_size > 1000
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_what_the_cores_allow_is_said(steps: dict[str, Any], tmp_path: Path) -> None:
    found = report.ceiling(Summary(steps))
    assert found["against_stock"] == "18.0 (16.0 to 20.0)"  # 400 / 20 and 400 / 25
    report.write(steps, tmp_path / "benchmarks.md")
    assert "This one has VNNI." in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    steps["about"]["machine"]["instructions"] = ["avx2"]
    assert report.ceiling(Summary(steps))["int8"] == "neither VNNI nor AMX"


def test_a_report_needs_the_first_step_only(steps: dict[str, Any], tmp_path: Path) -> None:
    few = {name: steps[name] for name in ("about", "check")}
    report.write(few, tmp_path / "benchmarks.md")
    assert "0 of 0 bars" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")


def test_the_report_command_measures_nothing(tmp_path: Path) -> None:
    output = tmp_path / "benchmarks.md"
    (tmp_path / "benchmarks.json").write_text(RECORDED.read_text(encoding="utf-8"))
    assert main(["--photos", "none", "--report", "--output", str(output)]) == 0
    assert "13.9" in output.read_text(encoding="utf-8")


def test_a_report_of_nothing_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "benchmarks.md"
    assert main(["--photos", "none", "--report", "--output", str(output)]) == 1
    assert "run the benchmark first" in capsys.readouterr().err


def test_finished_steps_are_kept_and_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = Results(path)
    assert results.step("a", lambda: {"x": 1.5}) == {"x": 1.5}
    again = Results(path, resume=True)
    assert again.step("a", lambda: pytest.fail("measured twice")) == {"x": 1.5}
    again.step("b", lambda: 2)
    assert Results(path, resume=True).steps == {"a": {"x": 1.5}, "b": 2}
    assert Results(path).steps == {}


def test_a_step_that_fails_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = Results(path)
    results.step("a", lambda: 1)
    with pytest.raises(ZeroDivisionError):
        results.step("b", lambda: 1 / 0)
    assert Results(path, resume=True).steps == {"a": 1}
