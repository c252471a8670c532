"""An evaluation of the tests' tiny model on its drawn photos, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, sync_playwright

from train.evaluate import evaluate_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = "chromium"
# It runs as root in CI, and must not call home.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="session")
def evaluated(
    model_folder: Path, data_set_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of `analysis-train` and `analysis-val`, with photos said to be in a bucket."""
    folder = tmp_path_factory.mktemp("out")
    evaluate_folder(model_folder, data_set_folder, folder, photos_url="obs://bucket/data_set/")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests are left out where it is missing, but never in CI."""
    path = shutil.which(CHROMIUM)
    if path is None:
        message = "no chromium here: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:  # each launch has a new, empty profile
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()
