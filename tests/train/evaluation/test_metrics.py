"""Metrics: cases made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from train.evaluation.metrics import measure
from train.markdown import accuracy_sentence, confusion_table, per_class_table

PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]], dtype=np.float32)
METRICS = measure(PROBABILITIES, [0, 0, 1, 1], ("daisy", "roses"))


def test_a_case_by_hand() -> None:
    daisy, roses = METRICS.per_class
    assert METRICS.accuracy == 0.75
    assert METRICS.confusion_matrix == ((1, 1), (0, 2))  # one daisy was taken for a rose
    assert (daisy.precision, daisy.recall, daisy.images) == (1.0, 0.5, 2)
    assert roses.precision == pytest.approx(2 / 3)
    assert roses.f1 == pytest.approx(0.8)


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    metrics = measure(PROBABILITIES, [0, 0, 1, 1], ("daisy", "roses", "tulips"))
    assert metrics.per_class[2].precision == 0.0


def test_tables_read_well() -> None:
    assert accuracy_sentence(METRICS) == (
        "Accuracy 75.0 % on 4 photos (95 % confidence interval 30.1 % to 95.4 %)."
    )
    assert "| roses | 66.7 % | 100.0 % | 0.800 | 2 |" in per_class_table(METRICS)
    assert confusion_table(METRICS).splitlines()[0] == "| actual / predicted | daisy | roses |"
