"""A soak of a few seconds sends requests, reads the memory and reports; `make soak` runs long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.soak.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

REQUESTS = 60


def test_a_short_soak_writes_its_table_and_plot(
    archived: Served, model_folder: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# Page\n\n<!-- soak -->\n<!-- end of soak -->\n")
    arguments = {
        "--mar": archived.home / "store" / "flowers.mar",
        "--model": model_folder,
        "--photos": data_set_folder / "val",
        "--work": tmp_path / "work",
        "--page": page,
        "--minutes": 0.1,
        "--requests": REQUESTS,
        "--window-s": 2,
        "--clients": 4,
    }
    assert main([str(word) for pair in arguments.items() for word in pair]) == 0
    assert "| **memory, all, MB** |" in page.read_text()
    assert "![Memory and latency over time](images/soak.png)" in page.read_text()
    assert (page.parent / "images" / "soak.png").stat().st_size > 0
    windows = json.loads(page.with_suffix(".json").read_text())["soak"]["windows"]
    assert windows[-1]["requests"] >= REQUESTS
    assert {"java", "model_service_worker.py"} <= windows[-1]["memory_mb"].keys()
