"""The grammar of `model_analysis_results.json`: its terms, and reading and checking a file.

The top level is a language, below it sections, below these operators such as "confusion_matrix".
An operator has a title, a description, and any of values, tables and charts;
`grammar.schema.json` defines exactly what is allowed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from train.errors import AnalysisError

RESULTS_FILE = "model_analysis_results.json"
SCHEMA_FILE = Path(__file__).with_name("grammar.schema.json")
LANGUAGES = ("en-us", "zh-cn")
SECTIONS = (
    "common",
    "precision_performance",
    "feature_sensitivity",
    "computational_performance",
    "abstract_feature",
    "adversary",
)
STRIP = "get_negative_samples_cls"  # the misclassified samples: a list, not an operator

_TOO_LARGE = 1e100  # below this, differences and scales can be computed

Json = dict[str, Any]
Points = list[list[float]]  # [x, y] each


def read_results(path: Path) -> Json:
    """Read an untrusted results file.

    Raises:
        AnalysisError: It is missing, not JSON, or breaks the grammar; the message says where.
    """
    try:
        content: Json = json.loads(
            path.read_text(encoding="utf-8"),
            parse_constant=_parse_number,
            parse_float=_parse_number,
            parse_int=_parse_int,
        )
    except (OSError, ValueError, RecursionError) as error:
        raise AnalysisError(f"{path}: cannot read the evaluation: {error}") from error
    check_results(content, str(path))
    return content


def check_results(content: Any, name: str) -> None:
    """Check `content` against the grammar, and the lengths of its lists against each other.

    Raises:
        AnalysisError: It does not conform; `name` names the file in the message.
    """
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    error = best_match(Draft202012Validator(schema).iter_errors(content))
    if error is not None:
        place = "/".join(str(step) for step in error.absolute_path) or "the top level"
        raise AnalysisError(
            f"{name}: not in the grammar of {RESULTS_FILE}: at {place}: {error.message[:300]}"
        )
    for language, sections in content.items():
        for section, operators in sections.items():
            for operator, parts in operators.items():
                if operator != STRIP:
                    _check_lengths(parts, f"{name}: {language}/{section}/{operator}")


def table(corner: str, rows: list[str], columns: list[str], cells: list[list[Any]]) -> Json:
    """Build a table; `cells` has one list per row."""
    return {
        "top_left_cell": corner,
        "row_labels": rows,
        "col_labels": columns,
        "cell_value": cells,
    }


def line_chart(x_name: str, y_name: str, x_range: list[float], curve: dict[str, Points]) -> Json:
    """Build a chart of curves with y in 0..1."""
    return {
        "x_axis_name": x_name,
        "y_axis_name": y_name,
        "x_axis_range": x_range,
        "y_axis_range": [0, 1],
        "curve": curve,
    }


def column_chart(x_name: str, y_name: str, x_value: list[str], y_value: list[float]) -> Json:
    """Build a chart of columns with heights in 0..1."""
    return {
        "x_axis_name": x_name,
        "y_axis_name": y_name,
        "x_axis_range": [],
        "y_axis_range": [0, 1],
        "x_value": x_value,
        "y_value": y_value,
    }


def operator(title: str, description: str, **parts: Json) -> Json:
    """Build an operator; parts that are not given are empty."""
    kinds = ("value", "table", "line_chart", "pie_chart", "column_chart")
    return {"title": title, "description": description} | {
        kind: parts.get(kind, {}) for kind in kinds
    }


def _check_lengths(parts: Json, place: str) -> None:
    for name, content in parts.get("table", {}).items():
        shape = [len(row) for row in content["cell_value"]]
        if shape != [len(content["col_labels"])] * len(content["row_labels"]):
            raise AnalysisError(f"{place}: the table {name} has other cells than labels")
    for kind, labels, values in (
        ("pie_chart", "label", "value"),
        ("column_chart", "x_value", "y_value"),
    ):
        for name, content in parts.get(kind, {}).items():
            if len(content[labels]) != len(content[values]):
                raise AnalysisError(f"{place}: the {kind} {name} has other values than labels")


def _parse_number(text: str) -> float:
    value = float(text)
    if not abs(value) < _TOO_LARGE:
        raise ValueError(f"{text[:20]} is not a number that can be drawn")
    return value


def _parse_int(text: str) -> int:
    _parse_number(text)
    return int(text)
