"""One server for all tests that leave it as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
