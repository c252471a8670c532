"""The memory of workers on this machine, for servers that do not measure it themselves.

TorchServe measures it together with the system metrics, which cost a Python process a minute and
are off by default here. Not responsible for workers elsewhere: of those nothing can be read.
"""

from __future__ import annotations

import os
from pathlib import Path

_WORKER_PROGRAM = b"model_service_worker.py"


def resident_bytes(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the resident size of a TorchServe worker.

    Args:
        pid: Process id, as the server tells it.
        proc: Where the kernel shows processes.

    Returns:
        Bytes, pages shared with other workers included; None if there is no such process here, or
        it is no worker (the server may be in a container, where process ids are others).
    """
    try:
        if _WORKER_PROGRAM not in (proc / str(pid) / "cmdline").read_bytes():
            return None
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
