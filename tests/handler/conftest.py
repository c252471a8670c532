"""One loaded handler for all tests that leave it as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.handler.asking import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Let workers take one thread: on busy cores, threads that wait for each other are slower."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARIGOLD_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def worker(torch_build: Path) -> Worker:
    """A worker with the tiny model in eager PyTorch."""
    return Worker(torch_build)
