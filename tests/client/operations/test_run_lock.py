"""Of two commands that change what one server serves, the second ends at once."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from client.commands.cli import main
from client.errors import RunFolderBusy
from client.operations.run_lock import changing
from server.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDS = """
import pathlib, sys
from client.operations.run_lock import changing
with changing(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is changing something."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path), "deploy", "3.0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize(
    "command",
    [
        ["deploy", "2.0"],
        ["rollback"],
        ["scale", "2"],
        ["register", "flowers.mar"],
        ["unregister"],
        ["set-default", "2.0"],
    ],
)
def test_the_second_says_who_is_at_it(
    tmp_path: Path,
    other: subprocess.Popen[bytes],
    command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*command, "--run-dir", str(tmp_path), f"--port={free_ports()}"]) == 1
    line = capsys.readouterr().err
    assert line.startswith(f"error: {tmp_path} is in use by process {other.pid} (")
    assert "deploy 3.0), which started at " in line
    assert line.endswith("; wait until that ends, or end it\n")


def test_asking_needs_no_lock(
    tmp_path: Path, other: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert other.poll() is None
    assert main(["status", "--run-dir", str(tmp_path), f"--port={free_ports()}"]) == 1
    assert "in use" not in capsys.readouterr().err


def test_the_lock_ends_with_its_process(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    with pytest.raises(RunFolderBusy), changing(tmp_path):
        pass
    other.kill()
    other.wait()
    with changing(tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_server_elsewhere_has_no_lock(tmp_path: Path) -> None:
    with changing(None), changing(tmp_path / "none"):
        assert not (tmp_path / "none").exists()
