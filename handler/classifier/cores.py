"""How many cores this process may use: its CPU affinity, or fewer if a quota limits it.

A container limited to two of a machine's 64 cores still sees all 64; with one thread for each, the
kernel would throttle them most of the time.
"""

from __future__ import annotations

import os
from pathlib import Path


def usable_cores(
    membership: Path = Path("/proc/self/cgroup"), cgroups: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return the number of cores, at least 1; a fractional quota is rounded.

    Args:
        membership: File in which the kernel names this process's control group (cgroups(7), v2).
        cgroups: Where control groups are mounted.
    """
    cores = len(os.sched_getaffinity(0))
    try:
        (line,) = (e for e in membership.read_text("utf-8").splitlines() if e.startswith("0::/"))
        quota = (cgroups / line.removeprefix("0::/") / "cpu.max").read_text("utf-8").split()
        share = int(quota[0]) / int(quota[1])  # microseconds of each period; "max" for no limit
    except (OSError, ValueError, IndexError):
        return cores
    return max(1, min(cores, round(share)))
