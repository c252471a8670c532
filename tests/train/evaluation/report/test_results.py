"""The contents of the results: cases by hand, and equal numbers in both languages."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.train.evaluation.report.answers import answers_by_hand, make_answers, random_answers
from train.evaluation.features import FEATURES
from train.evaluation.figures import Answers, compute
from train.evaluation.report.folder import compact_json
from train.evaluation.report.results import STRIP_LIMIT, build_results


def results_of(answers: Answers, language: str = "en-us") -> dict[str, Any]:
    results: dict[str, Any] = build_results(answers, compute(answers))[language]
    return results


PERFORMANCE = results_of(answers_by_hand())["precision_performance"]


def test_accuracy() -> None:
    value = PERFORMANCE["accuracy"]["value"]
    assert value["accuracy"] == round(4 / 6, 6)
    assert (value["images"], value["right"], value["wrong"]) == (6, 4, 2)
    assert value["accuracy_low"] < value["accuracy"] < value["accuracy_high"]
    assert value["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 0) / 3, abs=1e-6)


def test_columns_of_the_confusion_matrix_are_actual_classes() -> None:
    matrix = PERFORMANCE["confusion_matrix"]["table"]["confusion_matrix"]
    assert matrix["col_labels"] == matrix["row_labels"] == ["daisy", "roses", "tulips"]
    # Of three daisies, one was taken for roses: first column, second row.
    assert matrix["cell_value"] == [[2, 0, 0], [1, 2, 1], [0, 0, 0]]
    assert matrix["top_left_cell"] == "predicted \\ actual"


def test_figures_of_each_class() -> None:
    charts = PERFORMANCE["per_class"]["column_chart"]
    assert charts["recall"]["y_value"] == [round(2 / 3, 6), 1.0, 0.0]
    assert charts["precision"]["y_value"] == [1.0, 0.5, 0.0]
    assert charts["f1"]["y_value"] == [0.8, round(2 / 3, 6), 0.0]
    assert PERFORMANCE["per_class"]["table"]["per_class"]["cell_value"][1] == [
        *(1.0, 0.5, round(2 / 3, 6)),
    ]


def test_curves_and_areas() -> None:
    roc = PERFORMANCE["roc"]
    assert roc["table"]["area"]["cell_value"][0] == [1.0]  # every daisy before every other
    assert roc["line_chart"]["roc"]["curve"]["daisy"][-1] == [1.0, 1.0]
    # The tulip's score 0.03 is beaten by 0.1, 0.2, 0.2 and 0.1, and beats 0.0.
    assert roc["table"]["area"]["cell_value"][2] == [0.2]


def test_mistakes_come_with_the_most_confident_first() -> None:
    strip = PERFORMANCE["get_negative_samples_cls"]
    assert strip == [
        {
            "labels": [{"name": "tulips", "type": 0, "property": {}}],
            "predict_labels": [{"name": "roses", "type": 0, "property": {}}],
            "score": "0.950",
            "data_info": "val/5.jpg",
        },
        {
            "labels": [{"name": "daisy", "type": 0, "property": {}}],
            "predict_labels": [{"name": "roses", "type": 0, "property": {}}],
            "score": "0.500",
            "data_info": "val/2.jpg",
        },
    ]


def test_sensitivity_has_five_buckets_and_the_deviation() -> None:
    sections = results_of(random_answers(300))["feature_sensitivity"]
    assert tuple(sections) == FEATURES
    for found in sections.values():
        table = found["table"]["f1_by_bucket"]
        assert table["row_labels"] == [
            *("0%-20%", "20%-40%", "40%-60%", "60%-80%", "80%-100%", "std. deviation"),
        ]
        *buckets, deviation = table["cell_value"]
        np.testing.assert_allclose(deviation, np.std(buckets, axis=0), atol=1e-6)
        ranges = found["table"]["ranges"]["cell_value"]
        assert [row[2] for row in ranges] == [60] * 5
        assert all(row[0] <= row[1] for row in ranges)


def test_both_languages_hold_the_same_numbers() -> None:
    answers = random_answers(100)
    english, chinese = (numbers_in(results_of(answers, one)) for one in ("en-us", "zh-cn"))
    assert english == chinese
    assert len(english) > 300


def numbers_in(content: Any) -> list[float]:
    """All numbers of a structure, in order."""
    if isinstance(content, dict):
        return [number for one in content.values() for number in numbers_in(one)]
    if isinstance(content, list):
        return [number for one in content for number in numbers_in(one)]
    return [content] if isinstance(content, int | float) else []


def test_the_file_stays_small_with_many_photos_and_classes() -> None:
    random = np.random.default_rng(0)
    names = [f"class number {number}" for number in range(30)]
    labels = random.integers(0, 30, 6000)
    probabilities = random.dirichlet(np.full(30, 0.1), 6000).astype(np.float32)
    answers = make_answers(
        probabilities, labels.tolist(), class_names=names, features=random.random((6000, 6))
    )
    results = build_results(answers, compute(answers))
    assert len(results["en-us"]["precision_performance"]["get_negative_samples_cls"]) == STRIP_LIMIT
    text = compact_json(results)
    assert json.loads(text) == json.loads(json.dumps(results))
    assert len(text) < 800_000
