"""Fixtures for several parts of the tests; made once, so no test may change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import HealthCheck, settings

from archive.build import build
from archive.source import read_source
from tests.browser import launched
from tests.models import write_data_set, write_model_folder
from tests.once import made_once
from tests.s3 import S3, running_s3
from tests.schedule import ByServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser
    from xdist.remote import Producer

# No test fails because a machine is slow; speed is the matter of `bench`.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
LONG = {"e2e", "slow", "browser"}  # marks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take long: at the end one process would work on alone."""
    long = {item.path for item in items if any(mark.name in LONG for mark in item.iter_markers())}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer | None:
    """Hand out the tests as `tests.schedule` says, unless `--dist` asks for another way."""
    return ByServer(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Let PyTorch take one thread: on busy cores, threads that wait for each other are slower."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # of what tests start
        torch.set_num_threads(1)
        yield


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as training writes it; see `tests.models`."""
    return made_once(tmp_path_factory, "model", write_model_folder)


@pytest.fixture(scope="session")
def data_set_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the classes of `model_folder`, 8 photos to train and 4 to validate each."""
    return made_once(tmp_path_factory, "data_set", write_data_set)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module's tests, each with its own page.

    While it is open, its event loop runs in this thread, and no test could start another.
    """
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """An S3 endpoint in a process of its own."""
    with running_s3() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def torch_build(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an archive of `model_folder` holds beside the handler, for eager PyTorch."""
    return _build(model_folder, "torch-fp32", tmp_path_factory)


@pytest.fixture(scope="session")
def openvino_build(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for OpenVINO in float32."""
    return _build(model_folder, "openvino-fp32", tmp_path_factory)


def _build(model_folder: Path, runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_once(
        tmp_path_factory,
        f"built-{runtime}",
        lambda folder: build(read_source(model_folder), runtime, None, folder / runtime),
    )
    return folder / runtime
