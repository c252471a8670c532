"""One loaded handler for all tests that leave it unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.handler.asking import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker() -> Iterator[None]:
    """The same for workers, which do not ask PyTorch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARIGOLD_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def worker(torch_build: Path) -> Worker:
    """A worker with the tiny model in eager PyTorch."""
    return Worker(torch_build)
