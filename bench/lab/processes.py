"""Which processes are a server's, what they use, and how they are ended."""

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
    """Return a process and all that it started, as far as they still run."""
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
    """Whether an argument holds the path of a folder, or of something in it; not run for run2."""
    return argument.endswith(folder) or f"{folder}/" in argument


def pss_mb(processes: Iterable[psutil.Process]) -> float:
    """Return the memory of processes together, in megabytes of 10^6 bytes.

    Proportional set size: a page that several of them share counts once in all.
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
    """Start a server in a folder of its own; what it prints goes to `console.log` there."""
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
    """End a server: interrupt its first process, then force what is left of its tree."""
    family = tree(root)
    for process in family[:1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=_PATIENCE_S)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_PATIENCE_S)
