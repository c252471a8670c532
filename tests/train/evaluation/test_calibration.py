"""Temperature scaling: what it fits, and what it leaves unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from classifier.answers import softmax
from classifier.network import build_network
from train.evaluation.calibration import fit, fit_temperature, fold_temperature
from train.evaluation.curves import calibrate


@given(st.floats(0.2, 5))
def test_the_temperature_that_spoilt_the_probabilities_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3)).astype(np.float32) * np.float32(2)
    drawn = (softmax(logits).cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1).clip(0, 2)
    found = fit_temperature(softmax(logits / temperature), drawn)
    assert found == pytest.approx(1 / temperature, rel=0.1)


def test_calibration_brings_the_error_down_and_no_class_changes() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2000, 4)).astype(np.float32) * np.float32(2)
    labels = (softmax(logits).cumsum(axis=1) < rng.random((2000, 1))).sum(axis=1).clip(0, 3)
    timid = softmax(logits / np.float32(3))
    found = fit(timid, labels)
    assert found.error_before == calibrate(timid, labels).expected_error > 0.1
    logits = np.log(timid).astype(np.float32)
    calibrated = softmax(logits / np.float32(found.temperature))
    assert calibrate(calibrated, labels).expected_error < 0.04
    assert (calibrated.argmax(axis=1) == timid.argmax(axis=1)).all()


def test_certain_and_right_ends_at_the_edge_of_the_range() -> None:
    certain = np.eye(3, dtype=np.float32)
    assert fit_temperature(certain, np.arange(3)) > 0
    assert fit_temperature(np.full((3, 3), 1 / 3, np.float32), np.arange(3)) > 0


def test_the_temperature_is_folded_into_the_last_layer_alone() -> None:
    network = build_network("resnet18", 3).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        logits = network(images)
        network.load_state_dict(fold_temperature(network.state_dict(), 0.5, "fc"))
        assert torch.allclose(network(images), logits / 0.5, atol=1e-5)
