"""One server for all tests that leave it as they found it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.served import ROOT, Served

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def served(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a tiny model of three drawn classes, built by `make archive serve`."""
    server = Served.at(
        tmp_path_factory.mktemp("served"),
        f"TRAIN_URL={model_folder}",
        "DATA_URL=none",
        "RUNTIME=openvino-fp32",
    )
    try:
        server.make("archive", "serve")
        yield server
    finally:
        server.make("stop")


@pytest.fixture(scope="session")
def photos() -> Path:
    """A folder of real photos, `{train,val}/<class>/`: `TEST_PHOTOS`, or `data_set/`."""
    folder = Path(os.environ.get("TEST_PHOTOS", ROOT / "data_set"))
    if not (folder / "val").is_dir():
        pytest.skip(f"no photos in {folder}; TEST_PHOTOS names another folder")
    return folder
