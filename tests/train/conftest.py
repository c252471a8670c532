"""A data set of twelve drawn photos, two classes, and a recipe that trains on it in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from train.recipe import Recipe, read_recipe

CONFIG = Path(__file__).parents[2] / "config"
COUNTS = {"train": 4, "val": 2}
COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}
# timm's network for tests: checkpoints of 6 MB, where those of a ResNet18 have 180.
TINY = [
    *("arch=test_resnet", "init=scratch", "epochs=2", "batch_size=4", "lr=1e-3"),
    *("crop_first=32", "crop_last=64", "precision=fp32", "workers=0", "cached_side=0"),
]


def draw_photo(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Draw a noisy photo of one colour, 40 x 36 pixels."""
    noise = np.random.default_rng(seed).integers(-30, 30, size=(36, 40, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((noise + colour).clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Draw the data set."""
    root = tmp_path / "data_set"
    seed = 0
    for split, count in COUNTS.items():
        for name, colour in COLOURS.items():
            for index in range(count):
                seed += 1
                draw_photo(root / split / name / f"{index}.jpg", colour, seed)
    return root


@pytest.fixture
def tiny_recipe() -> Recipe:
    """Read the default recipe, made tiny."""
    return read_recipe(CONFIG / "train.toml", TINY)


@pytest.fixture
def tiny_arguments(data_root: Path, tmp_path: Path) -> list[str]:
    """Return the command line of a tiny training."""
    urls = ["--data_url", str(data_root), "--train_url", str(tmp_path / "artifacts")]
    settings = [word for setting in TINY for word in ("--set", setting)]
    return [*urls, "--eval_url", str(tmp_path / "out"), *settings]


@pytest.fixture
def without_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the evaluation's figures, page and gallery, in tests about other things."""
    monkeypatch.setattr("train.evaluation.files.write_analysis", lambda *_, **__: None)
    monkeypatch.setattr("train.evaluation.files.measure_photos", lambda photos: photos)
