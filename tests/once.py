"""Folders that are made once per test run, even with several processes."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from storage.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def made_once(factory: pytest.TempPathFactory, name: str, write: Callable[[Path], object]) -> Path:
    """Return the folder that `write` fills; the first process to ask for it has it written.

    Args:
        factory: Of this process; those of pytest-xdist have their folders in one of the run's.
        name: Of the folder, the same in every process.
        write: Gets the path of an empty folder; it must not note it down, since it changes.
    """
    own = factory.getbasetemp()
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = run / "made-once" / name
    with locked(folder.with_suffix(".lock")):
        if not folder.exists():
            # Written elsewhere: what a failure leaves is not taken for the whole.
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            write(unfinished)
            unfinished.rename(folder)
    return folder
