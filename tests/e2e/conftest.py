"""One server for all tests that leave it unchanged, and one for those that do not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from server.run_folder import RunFolder
from tests.e2e.served import ROOT, Served
from tests.once import made_once

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def archived(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """The archive of a tiny model of three drawn classes, built by `make archive`; not served."""
    variables = (f"TRAIN_URL={model_folder}", "DATA_URL=none", "RUNTIME=openvino-fp32")
    home = made_once(
        tmp_path_factory,
        "archived",
        lambda folder: Served.at(folder, *variables).make("archive"),
    )
    return Served.at(home, *variables)


@pytest.fixture(scope="session")
def served(archived: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with that archive, which tests leave as they found it."""
    server = archived.beside(tmp_path_factory.mktemp("served"))
    try:
        server.make("serve")
        yield server
    finally:
        server.make("stop")


@pytest.fixture(scope="session")
def _second(archived: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A place for another server, which registers models from a store of its own."""
    second = Served.at(tmp_path_factory.mktemp("own"), *archived.variables, "MODEL_API=1")
    for name in ("store", "build"):  # with their times: nothing is to be built anew
        shutil.copytree(archived.home / name, second.home / name)
    try:
        yield second
    finally:
        second.make("stop")


@pytest.fixture
def own(_second: Served) -> Served:
    """A server that a test may stop or kill; what else it changes, it changes back."""
    if RunFolder(_second.run_dir).server() is None:
        _second.make("serve")
    return _second


@pytest.fixture(scope="session")
def photos() -> Path:
    """A folder of real photos, `{train,val}/<class>/`: `TEST_PHOTOS`, or `data_set/`."""
    folder = Path(os.environ.get("TEST_PHOTOS", ROOT / "data_set"))
    if not (folder / "val").is_dir():
        pytest.skip(f"no photos in {folder}; TEST_PHOTOS names another folder")
    return folder
