"""Two models on the same photos."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from train.evaluation.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


def test_two_models_side_by_side_on_a_folder_of_some_classes(
    model_folder: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("daisy", "tulips"):
        (photos / name).symlink_to(data_set_folder / "val" / name)
    urls = ("--data_url", str(photos), "--train_url", str(model_folder))
    out = tmp_path / "out"
    assert main([*urls, "--eval_url", str(out), "--compare", str(model_folder)]) == 0
    content = json.loads((out / "comparison.json").read_text())
    assert content["splits"]["test"]["difference"] == 0
    assert [folder.name for folder in sorted(out.glob("analysis-*"))] == ["analysis-test"]
    assert "McNemar" in (out / "comparison.md").read_text()
