"""The page in a process of its own, until its tests end."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.e2e.served import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SAID = "the page runs on "


@contextmanager
def page_of(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start the page with a command; gives the address that it says.

    Args:
        command: It ends when the page does.
        environment: Variables besides those that tests always pass on.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_environment() | dict(environment or {}) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # make's children end with it
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(SAID):
                break
        assert said, "the page said nothing"
        assert said[-1].startswith(SAID), "".join(said)
        yield said[-1].removeprefix(SAID).partition(" ")[0]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        process.stdout.close()
