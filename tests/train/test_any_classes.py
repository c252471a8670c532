"""Any classes and any depth: a trained model packs, and answers as evaluated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archive.verify import verify
from classifier.description import DESCRIPTION_FILE, read_description
from classifier.runtimes import load_runtime
from tests.archive.packing import pack
from tests.classes import PHOTOS, TWELVE, draw_twelve_classes
from train.__main__ import main
from train.data.data_set import read_evaluation_pixels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize(
    ("arch", "size"),
    [
        ("resnet18", []),
        ("resnet50", []),
        ("mobilenet_v3_small", ["resize=72", "crop=64", "squash=true", "interpolation=bicubic"]),
    ],
)
def test_twelve_classes_are_trained_packed_and_answered(
    arch: str, size: list[str], tmp_path: Path
) -> None:
    data_root, folder = tmp_path / "data_set", tmp_path / "artifacts"
    draw_twelve_classes(data_root)
    settings = [f"arch={arch}", "init=scratch", "epochs=1", "crop_first=32", "crop_last=32"]
    settings += [*size, "batch_size=8", "workers=0", "cached_side=0", "calibrate=false"]
    urls = ["--data_url", str(data_root), "--train_url", str(folder)]
    urls += ["--eval_url", str(tmp_path / "out")]
    assert main([*urls, *(word for setting in settings for word in ("--set", setting))]) == 0

    verified = verify(pack(folder, tmp_path))
    assert verified.class_names == TWELVE
    assert verified.difference < 1e-3

    written = json.loads((tmp_path / "out/analysis-val/evaluation.json").read_text("utf-8"))
    assert [photo["actual"] for photo in written["photos"]] == list(TWELVE)
    assert written["images"] == PHOTOS["val"] * len(TWELVE)
    report = json.loads((folder / "report.json").read_text("utf-8"))
    description = read_description(folder / DESCRIPTION_FILE)
    assert report["recipe"]["arch"] == description.arch == arch
    assert description.preprocessing.crop == (64 if size else 224)

    # The very photos through the packed network, not only the reference pictures.
    built = tmp_path / "build"
    runtime = load_runtime("openvino-fp32", built / "model.xml", threads=1)
    pixels = [
        read_evaluation_pixels(data_root / photo["path"], description.preprocessing)
        for photo in written["photos"]
    ]
    logits = runtime.infer(np.stack(pixels)).logits
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = [photo["probabilities"] for photo in written["photos"]]
    np.testing.assert_allclose(probabilities, expected, atol=1e-3)
