"""A model as ONNX: any number of photos, the model's answers, and what they mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from classifier.labels import LABELS_FILE, read_labels
from classifier.reference import REFERENCE_NAMES
from train import export
from train.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_file_is_checked_and_says_what_it_is(model_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "model.onnx"
    assert export.main(["--model", str(model_folder), "--output", str(output)]) == 0
    content = onnx.load(output)
    facts = {one.key: one.value for one in content.metadata_props}
    assert tuple(json.loads(facts["labels"])) == read_labels(model_folder / LABELS_FILE)
    assert json.loads(facts["preprocessing"])["crop"] > 0
    (pixels,) = content.graph.input
    assert pixels.type.tensor_type.shape.dim[0].dim_param  # any number of photos


def test_other_answers_leave_no_file(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object) -> dict[str, np.ndarray]:
        return {name: np.zeros(1, np.float32) for name in REFERENCE_NAMES}

    monkeypatch.setattr(export, "reference_answers", other)
    with pytest.raises(TrainError, match="is not the model"):
        export.export(model_folder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
