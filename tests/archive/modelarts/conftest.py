"""The package of the tiny model, written once and served once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archive.modelarts.__main__ import write
from tests.archive.modelarts.standin import running_package
from tests.once import made_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def package(
    model_folder: Path, data_set_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder that ModelArts imports."""
    root = made_once(
        tmp_path_factory,
        "modelarts",
        lambda folder: write(str(model_folder), str(data_set_folder), str(folder)),
    )
    return root / "model"


@pytest.fixture(scope="session")
def service(package: Path) -> Iterator[str]:
    """The URL of the package's service."""
    with running_package(package) as url:
        yield url
