"""An evaluation of the tests' tiny model on its drawn photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.once import made_once
from train.evaluation.evaluate import evaluate_folder
from train.evaluation.files import write_evaluation

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def evaluated(
    model_folder: Path, data_set_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of `analysis-train` and `analysis-val`, with photos said to be in a bucket."""
    return made_once(
        tmp_path_factory,
        "evaluated",
        lambda folder: write_evaluation(
            folder,
            evaluate_folder(model_folder, data_set_folder),
            photos_url="obs://bucket/data_set/",
        ),
    )
