"""Ends what is left of a server that nobody has on record any more.

A worker ends by itself when its front end is gone, unless it hangs; then it would keep its memory
and its cores from the server that comes next. A front end is left where whoever started it was
ended before its process id was written down; it would keep the ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from server.run_folder import RunFolder

_WORKER_PROGRAM = "model_service_worker.py"
_FRONT_END = "org.pytorch.serve.ModelServer"
_PATIENCE_S = 10.0


def end_orphans(folder: RunFolder) -> list[int]:
    """End the processes of a run folder without a server; return their process ids."""
    # Front ends first, which would start other workers.
    orphans = _processes(_FRONT_END, str(folder.config.resolve()))
    # A worker's command names its socket.
    orphans += _processes(_WORKER_PROGRAM, str(folder.temporary.resolve()) + "/")
    for process in orphans:
        try:
            process.kill()
        except psutil.Error:  # gone meanwhile, or somebody else's, who has to see to it
            continue
    psutil.wait_procs(orphans, timeout=_PATIENCE_S)
    return [process.pid for process in orphans]


def _processes(program: str, path: str) -> list[psutil.Process]:
    """Return the processes of a program whose command names a path, or one below it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        is_program = any(word.endswith(program) for word in command)
        if is_program and any(word.startswith(path) for word in command):
            found.append(process)
    return found
