"""A boot time that moves for some commands only, and what a server's identity makes of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.faults.boot import BootTime, why_not
from client.api.addresses import addresses_from
from server.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

STEP = timedelta(hours=1)
SHOW = "import psutil; print(psutil.boot_time())"
FIND = (
    "from server.run_folder import *; from pathlib import *; print(RunFolder(Path({!r})).server())"
)


@pytest.fixture
def boot(tmp_path: Path) -> BootTime:
    if reason := why_not():
        pytest.skip(reason)
    return BootTime(tmp_path)


def run(boot: BootTime, code: str) -> str:
    command = boot.command([sys.executable, "-c", code])
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_only_the_commands_see_it(boot: BootTime) -> None:
    before = psutil.boot_time()
    boot.move(STEP)
    assert float(run(boot, SHOW)) == pytest.approx(before + STEP.total_seconds(), abs=2)
    assert psutil.boot_time() == pytest.approx(before, abs=2)


def test_a_server_is_the_one_on_record_whatever_the_boot_time(
    boot: BootTime, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    this = psutil.Process()
    folder.record(this, 8080, addresses_from("http://127.0.0.1:8080"))
    boot.move(STEP)
    assert f"pid={this.pid}" in run(boot, FIND.format(str(folder.path)))
