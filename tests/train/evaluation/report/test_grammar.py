"""The grammar: what it accepts, and what it refuses, naming the place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.train.evaluation.report.answers import answers_by_hand, foreign_results, random_answers
from train.errors import AnalysisError
from train.evaluation.figures import compute
from train.evaluation.report.grammar import SCHEMA_FILE, SECTIONS, check_results, read_results
from train.evaluation.report.results import build_results

if TYPE_CHECKING:
    from pathlib import Path


def results_by_hand() -> dict[str, Any]:
    answers = answers_by_hand()
    return build_results(answers, compute(answers))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def test_what_we_write_is_in_the_grammar() -> None:
    for answers in (answers_by_hand(), random_answers(500)):
        results = build_results(answers, compute(answers))
        check_results(json.loads(json.dumps(results)), "ours")
        assert list(results) == ["en-us", "zh-cn"]
        for sections in results.values():
            assert tuple(sections) == SECTIONS


def test_what_others_write_is_in_the_grammar() -> None:
    check_results(foreign_results(), "theirs")
    check_results({"en-us": {}}, "an empty one")


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ((), [], "the top level"),
        ((), {}, "the top level"),
        (("fr-fr",), {}, "the top level"),
        (("en-us", "sections"), {}, "en-us"),
        (("en-us", "common", "advice"), "text", "en-us/common/advice"),
        (("en-us", "common", "advice", "title"), 7, "en-us/common/advice/title"),
        (("en-us", "common", "advice", "value"), {"a": "1"}, "en-us/common/advice/value/a"),
        (("en-us", "precision_performance", "roc", "chart"), {}, "en-us/precision_performance/roc"),
        (
            ("zh-cn", "precision_performance", "roc", "line_chart", "roc", "curve"),
            {"daisy": [[1]]},
            "zh-cn/precision_performance/roc/line_chart/roc/curve/daisy/0",
        ),
        (
            ("en-us", "precision_performance", "get_negative_samples_cls"),
            [{}],
            "en-us/precision_performance/get_negative_samples_cls/0",
        ),
        (
            ("en-us", "common", "class_distribution", "pie_chart", "class_distribution", "value"),
            [1],
            "en-us/common/class_distribution: the pie_chart class_distribution has other values",
        ),
        (
            ("zh-cn", "common", "about", "table", "about", "cell_value"),
            [["a", "b"]],
            "zh-cn/common/about: the table about has other cells than labels",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(
    path: tuple[str, ...], value: object, place: str, tmp_path: Path
) -> None:
    results: Any = copy.deepcopy(results_by_hand())
    inside = results
    for step in path[:-1]:
        inside = inside[step]
    if path:
        inside[path[-1]] = value
    else:
        results = value
    file = tmp_path / "results.json"
    file.write_text(json.dumps(results))
    with pytest.raises(AnalysisError, match=r"results\.json") as failure:
        read_results(file)
    assert place in str(failure.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot read the evaluation"),
        ("{", "cannot read the evaluation"),
        ("[" * 100_000, "cannot read the evaluation"),
        ('{"en-us": NaN}', "NaN is not a number"),
        ('{"en-us": {"common": {"a": {"value": {"b": 1e999}}}}}', "1e999 is not a number"),
        ('{"en-us": {"common": {"a": {"value": {"b": -Infinity}}}}}', "-Infinity is not a number"),
        (
            f'{{"en-us": {{"common": {{"a": {{"value": {{"b": {"9" * 400}}}}}}}}}}}',
            "is not a number",
        ),
    ],
)
def test_what_is_no_json_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file.write_text(text)
    with pytest.raises(AnalysisError, match=reason):
        read_results(file)


def test_a_missing_file_and_other_bytes(tmp_path: Path) -> None:
    with pytest.raises(AnalysisError, match="cannot read the evaluation"):
        read_results(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'{"en-us": "\xff"}')
    with pytest.raises(AnalysisError, match="cannot read the evaluation"):
        read_results(tmp_path / "latin.json")
