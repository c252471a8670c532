"""Only TorchServe workers are measured."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from client.operations.worker_process import resident_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_worker_is_measured(tmp_path: Path) -> None:
    program = tmp_path / "model_service_worker.py"
    program.write_text("print(flush=True); input()")
    with subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        size = resident_bytes(process.pid)
        process.communicate(b"\n")

    assert size is not None
    assert 2**20 < size < 2**30


def test_another_process_or_none_is_not_measured() -> None:
    assert resident_bytes(os.getpid()) is None
    assert resident_bytes(2**22 + 1) is None  # above the kernel's largest process id
