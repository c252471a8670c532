"""Locks on folders: held by one process, which messages name, and released when it ends."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from storage.errors import InUse
from storage.locks import is_free, locked, remove_unused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLDER = """
import sys
from pathlib import Path
from storage.locks import locked
{use}
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(folder: Path, *, shared: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a folder's lock until its input ends."""
    use = f"lock = locked(Path({str(folder)!r}), shared={shared}); lock.__enter__()"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(use=use)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_folder_in_use_tells_by_whom(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with held(folder) as process:
        with pytest.raises(InUse, match=rf"in use by process {process.pid} \(.*python"):
            locked(folder, wait=False).__enter__()
        assert not is_free(folder)
    assert is_free(folder)


def test_one_that_waits_says_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with held(tmp_path) as process:
        entered: list[bool] = []

        def enter() -> None:
            with locked(tmp_path):
                entered.append(True)

        waiting = Thread(target=enter)
        waiting.start()
        while not caplog.messages:
            waiting.join(0.01)
        assert not entered
        assert f"waiting for process {process.pid}" in caplog.messages[0]
        process.communicate()
        waiting.join()
    assert entered


def test_readers_share(tmp_path: Path) -> None:
    with held(tmp_path, shared=True):
        with locked(tmp_path, shared=True, wait=False):
            pass
        with pytest.raises(InUse):
            locked(tmp_path, wait=False).__enter__()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with held(tmp_path) as process:
        process.kill()
    assert is_free(tmp_path)


def test_a_folder_is_not_removed_while_it_is_used(tmp_path: Path) -> None:
    used, unused = tmp_path / "used", tmp_path / "unused"
    unused.mkdir()
    with held(used, shared=True):
        remove_unused([used, unused])
    assert [path.name for path in tmp_path.iterdir()] == ["used"]
