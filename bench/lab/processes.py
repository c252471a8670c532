"""Finds a server's processes, measures what they use, and ends them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PATIENCE_S = 10.0


def tree(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its descendants that still run."""
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def at_work_in(folder: Path) -> list[psutil.Process]:
    """Return every process whose command names a path in a folder, such as a server's own."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(_names(argument, str(folder)) for argument in process.info["cmdline"] or [])
    ]


def _names(argument: str, folder: str) -> bool:
    """Whether an argument names a folder or something in it; `run` does not match `run2`."""
    return argument.endswith(folder) or f"{folder}/" in argument


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Return the total memory of processes, in megabytes of 10^6 bytes.

    Proportional set size: a page shared by several of them counts once in total.
    """
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def cpu_seconds(processes: Iterable[psutil.Process]) -> dict[int, float]:
    """Return the CPU time that each process has used so far, user and system, by process id."""
    seconds = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            seconds[process.pid] = times.user + times.system
    return seconds


def role(process: psutil.Process) -> str:
    """Name what a process is for: `java`, the module or script of a Python, or its program."""
    with contextlib.suppress(psutil.Error):
        command = process.cmdline()
        for argument in command[1:]:
            if argument.endswith(".py"):
                return Path(argument).name
        return process.name()
    return "gone"


def launch(
    command: Sequence[str | Path], folder: Path, environment: dict[str, str]
) -> psutil.Process:
    """Start a server in its own folder; its output goes to `console.log` there."""
    folder.mkdir(parents=True, exist_ok=True)
    # An inherited PYTHONPATH would come before the packages of the server's own environment.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "console.log").open("wb") as console:
        process = subprocess.Popen(  # noqa: S603  our own command line
            [str(part) for part in command],
            cwd=folder,
            env=inherited | environment,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
    return psutil.Process(process.pid)


def end(root: psutil.Process) -> None:
    """End a server: interrupt its first process, then kill what remains of its tree."""
    family = tree(root)
    for process in family[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=_PATIENCE_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_PATIENCE_S)
