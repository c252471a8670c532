"""The figures in the documentation are those of the recorded results beside it."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from bench.faults.table import markdown as faults_table
from bench.floods.table import markdown as floods_table
from bench.lab.figures import spread
from bench.lab.plan import LIMIT, LONE, OURS, SECOND, STOCK
from bench.quality.page import UNHARMED
from bench.quality.page import markdown as quality_page
from bench.soak.__main__ import PLOT
from bench.soak.report import markdown as soak_table
from bench.speed import report
from bench.speed.summary import Summary
from classifier.description import DESCRIPTION_FILE, read_description, sha256_of_file
from tests.docs.pages import ROOT
from tests.e2e.fuzzing import table_of as fuzz_table
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DOCS, PRETRAINED = ROOT / "docs", ROOT / "pretrained"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def recorded(name: str) -> Any:
    return json.loads((DOCS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def summary() -> Summary:
    return Summary(recorded("benchmarks.json"))


def test_the_benchmarks(summary: Summary, tmp_path: Path) -> None:
    report.write(summary.steps, tmp_path / "benchmarks.md")
    assert (tmp_path / "benchmarks.md").read_text() == (DOCS / "benchmarks.md").read_text()


def test_the_quality() -> None:
    assert (DOCS / "quality.md").read_text() == quality_page(recorded("quality.json"))


def test_faults_floods_fuzz_and_soak() -> None:
    figures = recorded("operations.json")
    fuzz = figures["fuzz"]
    statuses = Counter({(kind, status): count for kind, status, count in fuzz["statuses"]})
    tables = {
        "faults": faults_table(figures["faults"]),
        "floods": floods_table(figures["floods"]),
        "fuzz": fuzz_table(statuses, fuzz["memory_mib"], fuzz["workers_died"]),
        "soak": soak_table(figures["soak"], str(PLOT)),
    }
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    for name, text in tables.items():
        assert f"<!-- {name} -->\n{text}<!-- end of {name} -->\n" in page


def test_the_readme_compares_as_the_benchmarks_do(summary: Summary) -> None:
    for words, digits, unit, figures, stock_name in (
        ("photos per second, 16 clients", 1, "", summary.throughput, STOCK),
        ("median latency, one client", 0, " ms", lambda name: summary.latency(name, 1), LONE),
        ("memory, all processes", 0, " MB", summary.memory_mb, STOCK),
    ):
        stock, ours, second = (median(figures(name)) for name in (stock_name, OURS, SECOND))
        row = (
            f"| {words} | {stock:.{digits}f}{unit} | **{ours:.{digits}f}{unit}** "
            f"| **{second:.{digits}f}{unit}** |"
        )
        assert row in README


def test_the_readme_names_the_other_servers_figures(summary: Summary) -> None:
    for name in ("fastapi", "litserve", "mlserver", "bentoml", "ray"):
        figure = f"{median(summary.throughput(name)):.1f}"
        assert re.search(rf"{report.title(name)}(?: serves)? {figure}\b", README), name
    assert f"no server at all {median(summary.throughput(LIMIT)):.1f} " in README


def test_the_readme_states_the_accuracy() -> None:
    served = recorded("quality.json")["conditions"][UNHARMED]["accuracy"]
    fp32 = read_description(PRETRAINED / DESCRIPTION_FILE).val_accuracy
    assert fp32
    right = f"{percent(served)} of the validation photos right as served"
    assert f"{right}, against {percent(fp32)} in float32" in README


def test_the_model_card_is_about_these_files() -> None:
    card = (PRETRAINED / "README.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", card, re.MULTILINE))
    assert len(files) >= 6
    for name, sha256 in files.items():
        assert sha256_of_file(PRETRAINED / name) == sha256, name
    description = read_description(PRETRAINED / DESCRIPTION_FILE)
    assert description.val_accuracy
    assert (
        f"Accuracy {percent(description.val_accuracy)} on {description.val_images} photos" in card
    )
    assert f"divided by {description.temperature:.3f}" in card


def median(rounds: Mapping[int, float]) -> float:
    return spread(list(rounds.values())).median
