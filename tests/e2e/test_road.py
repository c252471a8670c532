"""The whole road: photos, training, archive, server, prediction."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from classifier.reference import REFERENCE_NAMES, draw_png
from tests.e2e.served import ROOT, Served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_from_drawn_photos_to_a_prediction(data_set_folder: Path, tmp_path: Path) -> None:
    source = shutil.copytree(data_set_folder, tmp_path / "photos")
    for split in ("train", "val"):  # the road is the same for two classes, and shorter
        shutil.rmtree(max((source / split).iterdir()))
    server = Served.at(
        tmp_path,
        f"SOURCE={source}",
        f"DATA_URL={tmp_path / 'data_set'}",
        f"TRAIN_URL={tmp_path / 'artifacts'}",
        f"EVAL_URL={tmp_path / 'out'}",
        "RECIPE=config/original.toml",
        "ARGS=--set init=scratch --set epochs=1 --set crop_first=64 --set crop_last=64",
        "MODEL_VERSION=2.0",
        "RUNTIME=openvino-bf16",
    )
    server.make("data", "ARGS=")
    server.make("train")
    report = json.loads((tmp_path / "artifacts" / "report.json").read_text(encoding="utf-8"))
    assert report
    try:
        output = server.make("archive", "serve")
        assert "verified" in output
        assert "curl -H" in output
        prediction = server.inference.predict(draw_png(REFERENCE_NAMES[0]))
        classes = sorted(path.name for path in (tmp_path / "data_set" / "train").iterdir())
        assert sorted(name for name, _ in prediction.scores) == classes
        assert server.management.describe("flowers").version == "2.0"
    finally:
        server.make("stop")


@pytest.mark.photos
def test_the_starter_model_is_served_as_it_was_evaluated(photos: Path, tmp_path: Path) -> None:
    description = json.loads((ROOT / "pretrained" / "model.json").read_text(encoding="utf-8"))
    files = sorted((photos / "val").glob("*/*"))
    server = Served.at(tmp_path, f"TRAIN_URL={tmp_path / 'none'}")
    try:
        server.make("archive", "serve")
        results = list(server.inference.predict_many(files, concurrency=16))
        answers = [(path, answer.scores[0][0]) for path, answer in results]  # type: ignore[union-attr]
    finally:
        server.make("stop")
    accuracy = sum(path.parent.name == label for path, label in answers) / len(answers)
    # The gate allows a faster precision half a point; one photo more is rounding.
    assert accuracy == pytest.approx(description["val_accuracy"], abs=0.005 + 1 / len(files))
    assert accuracy >= 0.75
