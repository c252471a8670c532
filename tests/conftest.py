"""What several parts of the tests start from; made once, so no test may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.models import write_data_set, write_model_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as training writes it; see `tests.models`."""
    folder = tmp_path_factory.mktemp("model")
    write_model_folder(folder)
    return folder


@pytest.fixture(scope="session")
def data_set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the classes of `model_folder`, 8 photos to train and 4 to validate each."""
    folder = tmp_path_factory.mktemp("data_set")
    write_data_set(folder)
    return folder
