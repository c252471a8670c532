"""The rules, by promtool; and that rules and dashboard ask for metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
MONITORING = ROOT / "config" / "monitoring"
RULES = MONITORING / "rules.yml"
DASHBOARD = MONITORING / "dashboard.json"
METRIC = re.compile(r"\b(?:marigold_\w+|ts_\w+_\w+|Requests\dXX|QueueTime\w*)\b|\bmarigold:[\w:]+")


def promtool(*arguments: str | Path) -> str:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool here: apt-get install prometheus")
    process = subprocess.run(
        ["promtool", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def known_metrics() -> set[str]:
    """Every name that a server shows or a rule records."""
    sections = yaml.safe_load((ROOT / "config" / "metrics.yaml").read_text(encoding="utf-8"))
    known = {rule["record"] for rule in rules() if "record" in rule}
    for kinds in (sections["ts_metrics"], sections["model_metrics"]):
        for kind, entries in kinds.items():
            ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            known |= {entry["name"] + end for entry in entries for end in ends}
    return known


def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    promtool("check", "rules", "--lint-fatal", RULES)
    promtool("check", "config", MONITORING / "prometheus.yml")


@pytest.mark.slow
def test_the_rules_do_what_they_say() -> None:
    promtool("test", "rules", Path(__file__).with_name("rules_test.yml"))


def test_every_alert_names_a_remedy() -> None:
    for rule in rules():
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "remedy"}, rule["alert"]


def test_every_alert_is_made_to_fire_in_the_tests() -> None:
    tested = Path(__file__).with_name("rules_test.yml").read_text(encoding="utf-8")
    slow = {"MarigoldSlow"}  # like MarigoldQueueLong, on a quantile that has a test of its own
    for rule in rules():
        if "alert" in rule and rule["alert"] not in slow:
            assert f"alertname: {rule['alert']}\n" in tested


def test_the_page_tells_of_every_metric_and_alert() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    sections = yaml.safe_load((ROOT / "config" / "metrics.yaml").read_text(encoding="utf-8"))
    kinds = (*sections["ts_metrics"].values(), *sections["model_metrics"].values())
    names = {re.sub(r"_(bucket|sum|count)$", "", e["name"]) for kind in kinds for e in kind}
    assert {name for name in names if name not in page} == set()
    assert set(re.findall(r"`(Marigold\w+)`", page)) == {
        rule["alert"] for rule in rules() if "alert" in rule
    }


@pytest.mark.parametrize("path", [RULES, DASHBOARD], ids=lambda path: path.name)
def test_only_metrics_that_exist_are_asked_for(path: Path) -> None:
    asked = set(METRIC.findall(path.read_text(encoding="utf-8")))
    assert len(asked) > 10
    assert asked <= known_metrics()


def test_every_panel_of_the_dashboard_has_a_question_that_parses(tmp_path: Path) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    questions = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(questions) >= len(panels) >= 8
    asked = [
        {"record": f"panel:{number}", "expr": question.replace("$model", "flowers")}
        for number, question in enumerate(questions)
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": asked}]}))
    promtool("check", "rules", path)
