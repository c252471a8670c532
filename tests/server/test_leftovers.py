"""Server processes without a record."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from server.leftovers import end_orphans
from server.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


def worker(folder: Path, script: Path) -> subprocess.Popen[bytes]:
    """Start what looks like a worker of a run folder, as TorchServe calls it."""
    sock = folder / "tmp" / ".ts.sock.9000"
    command = [sys.executable, str(script), "--sock-type", "unix", "--sock-name", str(sock)]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def test_a_hung_worker_of_this_folder_ends_and_no_other(tmp_path: Path) -> None:
    script = tmp_path / "model_service_worker.py"
    script.write_text("input()\n")
    other_script = tmp_path / "other.py"
    other_script.write_text("input()\n")
    with ExitStack() as stack:
        hung, elsewhere, no_worker = (
            stack.enter_context(worker(tmp_path / name, path))
            for name, path in (("run", script), ("run2", script), ("run", other_script))
        )
        hung.send_signal(signal.SIGSTOP)
        try:
            assert end_orphans(RunFolder(tmp_path / "run")) == [hung.pid]
            assert hung.poll() is not None
            assert no_worker.poll() is None
            assert elsewhere.poll() is None
        finally:
            for process in (hung, elsewhere, no_worker):
                process.kill()


def test_a_front_end_that_nobody_wrote_down_ends(tmp_path: Path) -> None:
    class_name = "org.pytorch.serve.ModelServer"
    with ExitStack() as stack:
        lost, elsewhere = (
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", "input()", class_name, "-f", str(config)],
                    stdin=subprocess.PIPE,
                )
            )
            for config in (tmp_path / "run/config.properties", tmp_path / "run2/config.properties")
        )
        try:
            assert end_orphans(RunFolder(tmp_path / "run")) == [lost.pid]
            assert lost.poll() is not None
            assert elsewhere.poll() is None
        finally:
            for process in (lost, elsewhere):
                process.kill()


def test_without_any_nothing_happens(tmp_path: Path) -> None:
    assert end_orphans(RunFolder(tmp_path / "run")) == []
