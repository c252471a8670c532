"""However the verification of an archive is ended, it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from archive import probe
from tests.archive.packing import pack

if TYPE_CHECKING:
    from pathlib import Path

# A probe that says that it runs, and then only ends with its starter.
SLOW = """
import os, pathlib, sys
pathlib.Path(sys.argv[1], "..", "running").write_text(str(os.getpid()))
sys.stdin.read()
"""
VERIFY = """
import pathlib, sys
from archive import verify
from archive.__main__ import main
verify._PROBE = pathlib.Path(sys.argv[2])
sys.exit(main(["verify", sys.argv[1]]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_probe_ends_with_whoever_started_it(
    model_folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    mar = pack(model_folder, tmp_path)
    (tmp_path / "probe.py").write_text(SLOW)
    temporary = tmp_path / "of the command"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", VERIFY, str(mar), str(tmp_path / "probe.py")],
        env=os.environ | {"TMPDIR": str(temporary)},
        stderr=subprocess.DEVNULL,
    ) as command:
        while (
            not (running := [p.read_text() for p in temporary.glob("*/running")]) or not running[0]
        ):
            assert command.poll() is None
        slow = psutil.Process(int(running[0]))
        command.send_signal(number)
        assert command.wait() == (130 if number == signal.SIGTERM else -number)
    psutil.wait_procs([slow], timeout=60)
    assert not slow.is_running()
    if number == signal.SIGTERM:
        assert not list(temporary.iterdir())


def test_the_real_probe_watches_its_starter(tmp_path: Path) -> None:
    manifest = tmp_path / "MAR-INF/MANIFEST.json"
    manifest.parent.mkdir()
    os.mkfifo(manifest)  # reading it waits for a writer, who never comes
    command = [sys.executable, probe.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=60) == 1
