"""Two models on the same photos."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from train.evaluation.__main__ import main
from train.evaluation.comparison import Comparison, compare

if TYPE_CHECKING:
    from pathlib import Path


def test_photos_are_paired() -> None:
    first = np.array([True, True, True, False, False])
    second = np.array([True, False, False, True, False])
    assert compare(first, second) == Comparison(1, 2, 1, 1)


def test_an_interval_of_newcombe_s_paper() -> None:
    # Newcombe 1998, Statistics in Medicine 17:2635, method 10 of 36, 12, 2, 0; the paper subtracts
    # the second from the first.
    low, high = Comparison(both=36, only_first=12, only_second=2, neither=0).interval
    assert low == pytest.approx(-0.3404, abs=5e-5)
    assert high == pytest.approx(-0.0569, abs=5e-5)


def test_mcnemar_s_exact_test() -> None:
    assert Comparison(100, 0, 6, 10).p_value == pytest.approx(2 * 0.5**6)
    assert Comparison(100, 0, 0, 10).p_value == 1
    assert "this may be chance" in str(Comparison(100, 2, 3, 10))
    assert "chance" not in str(Comparison(100, 1, 20, 10))


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
