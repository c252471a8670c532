"""Ends what is left of a server that nobody has on record any more.

A worker ends by itself when its front end is gone, unless it hangs; then it would keep its memory
and its cores from the server that comes next. A front end is left where whoever started it was
ended before its process id was written down; it would keep the ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from server.processes import FRONT_END, WORKER, processes_of

if TYPE_CHECKING:
    from server.run_folder import RunFolder

_PATIENCE_S = 10.0


def end_orphans(folder: RunFolder) -> list[int]:
    """End the processes of a run folder without a server; return their process ids.

    A front end that answers is a server, on record or not: see `RunFolder.server`.
    """
    # Front ends first, which would start other workers.
    orphans = list(processes_of(FRONT_END, str(folder.config.resolve())))
    # A worker's command names its socket.
    orphans += processes_of(WORKER, str(folder.temporary.resolve()) + "/")
    for process in orphans:
        try:
            process.kill()
        except psutil.Error:  # gone meanwhile, or somebody else's, who has to see to it
            continue
    psutil.wait_procs(orphans, timeout=_PATIENCE_S)
    return [process.pid for process in orphans]
