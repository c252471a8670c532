"""What the kernel reports about workers on this machine: their memory and CPU time.

TorchServe measures memory only as part of its system metrics, which start a Python process every
minute and are off by default here; it does not report what a worker is processing at all. For
workers on other machines there is nothing to read.
"""

from __future__ import annotations

import os
from pathlib import Path

_WORKER_PROGRAM = b"model_service_worker.py"
_PROC = Path("/proc")


def resident_bytes(pid: int, proc: Path = _PROC) -> int | None:
    """Return the resident size of a TorchServe worker.

    Args:
        pid: Process id, as the server reports it.
        proc: Where the kernel shows processes.

    Returns:
        Bytes, including pages shared with other workers; None if there is no such process here, or
        it is not a worker (a server in a container has other process ids).
    """
    text = _read_of_worker(pid, "statm", proc)
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") if text else None


def processor_seconds(pid: int, proc: Path = _PROC) -> float | None:
    """Return the CPU time, in seconds, that a TorchServe worker has used since it started.

    Covers all of its threads, in steps of the kernel's tick of 10 ms. Arguments as for
    `resident_bytes`; None for the same reasons.
    """
    text = _read_of_worker(pid, "stat", proc)
    if not text:
        return None
    # The program name, in brackets, may contain spaces; utime and stime are fields 14 and 15.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _read_of_worker(pid: int, name: str, proc: Path) -> str:
    """Return one of the kernel's files on a process; empty if it is not a worker, or gone."""
    try:
        if _WORKER_PROGRAM not in (proc / str(pid) / "cmdline").read_bytes():
            return ""
        return (proc / str(pid) / name).read_text()
    except OSError:
        return ""
