"""Kills processes of a dead server that no record mentions any more.

A worker exits when its front end is gone, unless it hangs; then it would keep memory and cores from
the next server. A front end is left behind if the command that started it was killed before it
recorded the process id; it would keep the ports. A front is left behind by a TorchServe that ended
by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from server.gateway.caddy import Caddy
from server.processes import FRONT_END, WORKER, processes_of

if TYPE_CHECKING:
    from server.run_folder import RunFolder

_PATIENCE_S = 10.0


def find_orphans(folder: RunFolder) -> list[psutil.Process]:
    """Return the processes of a run folder without a server, front ends first.

    They would start other workers.
    """
    orphans = list(processes_of(FRONT_END, str(folder.config.resolve())))
    # A worker's command line names its socket.
    orphans += processes_of(WORKER, str(folder.temporary.resolve()) + "/")
    orphans += Caddy(folder.front).processes()
    return orphans


def end_orphans(folder: RunFolder) -> list[int]:
    """Kill the processes of a run folder without a server; return their process ids.

    A front end that answers counts as a server, recorded or not: see `RunFolder.server`.
    """
    orphans = find_orphans(folder)
    for process in orphans:
        try:
            process.kill()
        except psutil.Error:  # exited meanwhile, or another user's, who must deal with it
            continue
    psutil.wait_procs(orphans, timeout=_PATIENCE_S)
    return [process.pid for process in orphans]
