"""What several parts of the tests start from; made once, so no test may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from archive.build import build
from archive.source import read_source
from tests.browser import launched
from tests.models import write_data_set, write_model_folder
from tests.s3 import S3, running_s3

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

# No test fails because a machine is slow; speed is the matter of `bench`.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser, shared: each test opens a page of its own."""
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
    folder = tmp_path_factory.mktemp("built") / runtime
    build(read_source(model_folder), runtime, None, folder)
    return folder
