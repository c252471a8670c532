"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

CHROMIUM = "chromium"
# It runs as root in CI, and must not call home.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """Launch it; tests are left out where it is missing, but never in CI."""
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


def press(page: Page, key: str) -> None:
    """Press a key where the focus is; unlike `page.keyboard`, not for ever if nothing answers."""
    page.locator(":focus, body:not(:focus-within)").press(key)
