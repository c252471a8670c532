"""Threads for all tests of the classifier."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let PyTorch take one thread: on busy cores, threads that wait for each other are slower."""
    torch.set_num_threads(1)
