"""Ends workers that outlived their front end, such as one that hung when Java was killed.

A worker ends by itself when its front end is gone, unless it hangs; then it would keep its memory
and its cores from the server that comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from server.run_folder import RunFolder

_WORKER_PROGRAM = "model_service_worker.py"
_PATIENCE_S = 10.0


def end_orphans(folder: RunFolder) -> list[int]:
    """End the workers of a run folder without a server; return their process ids."""
    mark = str(folder.temporary.resolve())  # where a worker's socket is, which its command names
    orphans = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        is_worker = any(word.endswith(_WORKER_PROGRAM) for word in command)
        if is_worker and any(word.startswith(mark + "/") for word in command):
            orphans.append(process)
    for process in orphans:
        try:
            process.kill()
        except psutil.Error:  # gone meanwhile, or somebody else's, who has to see to it
            continue
    psutil.wait_procs(orphans, timeout=_PATIENCE_S)
    return [process.pid for process in orphans]
