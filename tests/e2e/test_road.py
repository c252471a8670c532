"""The whole way: photos, training, archive, server, prediction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.classes import TWELVE, draw_twelve_classes
from tests.e2e.served import ROOT, Served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.slow
def test_from_drawn_photos_to_a_prediction(tmp_path: Path) -> None:
    draw_twelve_classes(tmp_path / "photos")
    server = Served.at(
        tmp_path,
        f"SOURCE={tmp_path / 'photos'}",
        f"DATA_URL={tmp_path / 'data_set'}",
        f"TRAIN_URL={tmp_path / 'artifacts'}",
        f"EVAL_URL={tmp_path / 'out'}",
        "RECIPE=config/original.toml",
        "ARGS=--set arch=resnet18 --set init=scratch --set epochs=1"
        " --set crop_first=64 --set crop_last=64",
        "MODEL_VERSION=2.0",
        "RUNTIME=openvino-bf16",
    )
    server.make("data", "ARGS=")
    server.make("train")
    written = (tmp_path / "out/analysis-val/evaluation.json").read_text(encoding="utf-8")
    evaluated = json.loads(written)["photos"]
    assert [photo["actual"] for photo in evaluated] == list(TWELVE)
    try:
        output = server.make("archive", "serve")
        assert "verified" in output
        assert "curl -H" in output
        assert server.management.describe("flowers").version == "2.0"
        for photo in evaluated:
            answer = server.inference.predict((tmp_path / "data_set" / photo["path"]).read_bytes())
            expected = dict(zip(TWELVE, photo["probabilities"], strict=True))
            # bf16 keeps three digits; a swapped class or photo would differ by more.
            assert dict(answer.scores) == pytest.approx(
                {name: expected[name] for name, _ in answer.scores}, abs=0.02
            )
    finally:
        server.make("stop")


@pytest.mark.photos
def test_the_starter_model_is_served_as_it_was_evaluated(photos: Path, tmp_path: Path) -> None:
    description = json.loads((ROOT / "pretrained" / "model.json").read_text(encoding="utf-8"))
    files = sorted((photos / "val").glob("*/*"))
    server = Served.at(tmp_path, "TRAIN_URL=pretrained")
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
