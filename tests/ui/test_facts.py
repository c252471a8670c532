"""What the page says of the model: the figure of the form that is served, and its classes."""

from __future__ import annotations

from typing import Any

import pytest

from client.api.models import read_model_status
from tests.client import replies
from ui.facts import facts_html, labels_of

TRAINED: dict[str, Any] = {
    "labels": ["cat", "dog"],
    "precision": "int8",
    "val_accuracy": 0.918,
    "val_accuracy_ci95": [0.884, 0.943],
    "val_images": 331,
    "runtime_accuracy": {"accuracy": 0.915, "fp32_accuracy": 0.918, "images": 331},
}


def facts(**changed: Any) -> Any:
    described = replies.description() | {"customizedMetadata": TRAINED | changed}
    return read_model_status(described)


def test_the_accuracy_is_that_of_the_form_that_is_served() -> None:
    page = facts_html(facts(), "en")
    assert "<dd>91.5 %</dd>" in page
    assert "of the int8 form that is served, on 331 photos; float32: 91.8 %" in page


@pytest.mark.parametrize(
    "changed",
    [{"runtime_accuracy": {}}, {"runtime_accuracy": {}, "val_accuracy": "never measured"}],
)
def test_what_was_not_measured_in_this_form_is_not_claimed(changed: dict[str, Any]) -> None:
    page = facts_html(facts(**changed), "en")
    assert "<dd>never measured</dd>" in page
    assert "91" not in page


def test_float32_has_the_figure_of_the_training() -> None:
    page = facts_html(facts(precision="fp32", runtime_accuracy={}), "zh")
    assert "<dd>91.8%</dd>" in page
    assert "95% 置信区间 88.4% 至 94.3%" in page


def test_the_classes_are_those_of_the_model() -> None:
    assert labels_of(facts()) == ("cat", "dog")
    assert labels_of(facts(labels=None)) == ()
