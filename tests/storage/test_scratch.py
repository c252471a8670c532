"""Temporary folders are removed, however their process ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from storage.scratch import scratch

if TYPE_CHECKING:
    from pathlib import Path

HOLDS = """
from storage.scratch import scratch
with scratch("drawn-") as folder:
    (folder / "file").touch()
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TMPDIR of the test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def test_a_folder_is_there_for_its_block_only(root: Path) -> None:
    with scratch("drawn-") as folder:
        assert folder.parent == root
        assert folder.name.startswith("drawn-")
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "inside").mkdir()
    assert not list(root.iterdir())


def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(root: Path) -> None:
    command = [sys.executable, "-c", HOLDS]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living,
    ):
        for process in (killed, living):
            assert process.stdout
            process.stdout.readline()
        assert len(list(root.iterdir())) == 2
        killed.kill()
        killed.wait()
        with scratch("drawn-"):
            assert len(list(root.glob("drawn-*/file"))) == 1
        living.communicate(b"\n")
    assert not list(root.iterdir())


def test_links_and_others_are_left_alone(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "drawn-link").symlink_to(root / "elsewhere")
    (root / "drawn-file").touch()
    with scratch("drawn-"):
        pass
    assert {path.name for path in root.iterdir()} == {"elsewhere", "drawn-link", "drawn-file"}
