"""The servers that run on this machine, by their run folders, as the kernel shows them.

A server is known by its run folder. Who named none, or one where nothing runs, is told of the
others.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from client.operations.model_store import CONFIG_NAME
from client.run_record import recorded_port

_FRONT_END = "org.pytorch.serve.ModelServer"
_PROC = Path("/proc")


class Running(NamedTuple):
    """One server: its working directory and its inference port."""

    run_dir: Path
    port: int


def running_servers(proc: Path = _PROC) -> list[Running]:
    """Return the servers of this user that were started by `make serve`, in order of their ports.

    Args:
        proc: Where the kernel shows processes; nothing is found where there is no such folder.
    """
    folders = {folder for entry in proc.glob("[0-9]*") if (folder := _run_dir_of(entry))}
    found = [Running(folder, port) for folder in folders if (port := recorded_port(folder))]
    return sorted(found, key=lambda server: server.port)


def describe_others(run_dir: Path, proc: Path = _PROC) -> str:
    """Name the servers that run from other folders, and how to reach them; empty without any."""
    others = [server for server in running_servers(proc) if server.run_dir != run_dir.resolve()]
    named = ", ".join(f"RUN_DIR={_short(folder)} (port {port})" for folder, port in others)
    return f"running elsewhere: {named}" if named else ""


def _run_dir_of(process: Path) -> Path | None:
    """Return the working directory of a front end; None for any other process."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # it has ended, or is another user's
        return None
    if _FRONT_END not in words:
        return None
    configs = [Path(word) for word in words if Path(word).name == CONFIG_NAME]
    return configs[0].parent if configs and configs[0].is_file() else None


def _short(folder: Path) -> Path:
    """Return a folder below this one as people name it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder
