"""How much TorchServe's front end may hold, computed from the memory that is there.

The JVM keeps each waiting request whole on its heap, and gathers it in direct memory before that,
even from somebody without a token. A heap that is full ends the process (`vmargs`), so the queue
is as long as requests of the largest size fit; what does not fit into direct memory fails alone.
Memory that is not needed is not used: these are bounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from server.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping

MIB = 2**20
# Of the memory; the rest is for the workers and the system.
_HEAP_SHARE, _DIRECT_SHARE = 1 / 2, 1 / 8
_MOST_HEAP, _LEAST_DIRECT, _MOST_DIRECT = 8192, 256, 2048  # MiB
_YOUNG = 64  # MiB: the young generation is no room for requests that wait
_FIRST_HEAP, _FIRST_YOUNG = 48, 16  # MiB; Java held 40 MB less, with photos of usual size
_OWN = 192  # MiB: classes' objects, replies, log lines; measured with an empty queue and rounded up
# Requests outside the queue: a batch with the worker, and one that each Netty thread copies.
_OUTSIDE = 12
_SHORTEST_QUEUE, _LONGEST_QUEUE = 16, 256
_LEAST_REQUEST = 4 * MIB


@dataclass(frozen=True)
class Sizes:
    """Bounds of TorchServe's front end.

    Attributes:
        heap_mib: The JVM's heap, in MiB.
        direct_mib: Its direct memory, in MiB.
        job_queue: Requests that may wait for a worker.
        largest_request: In bytes.
    """

    heap_mib: int
    direct_mib: int
    job_queue: int
    largest_request: int

    def properties(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return the lines of `config.properties` that say so, given those of the project's file.

        The heap is added to `vmargs`, unless it names one.
        """
        # Java would start with 1/64 of the memory, and fill that before it collects anything.
        start = f"-Xms{_FIRST_HEAP}m -XX:NewSize={_FIRST_YOUNG}m"
        memory = f"-Xmx{self.heap_mib}m -XX:MaxNewSize={_YOUNG}m {start}"
        direct = f"-XX:MaxDirectMemorySize={self.direct_mib}m"
        vmargs = given.get("vmargs", "")
        return {
            "job_queue_size": str(self.job_queue),
            "max_request_size": str(self.largest_request),
            "vmargs": vmargs if "-Xmx" in vmargs else f"{vmargs} {memory} {direct}".strip(),
        }


def sizes_for(memory: int, given: Mapping[str, str]) -> Sizes:
    """Compute the bounds.

    Args:
        memory: What this machine or container has, in bytes.
        given: The project's `config.properties`: its `max_request_size` is an upper bound, and a
            `job_queue_size` or a heap in `vmargs` counts as it stands.

    Raises:
        StartError: There is too little memory to serve at all.
    """
    total = memory // MIB
    named = re.search(r"-Xmx(\d+)m", given.get("vmargs", ""))
    heap = int(named[1]) if named else min(int(total * _HEAP_SHARE), _MOST_HEAP)
    room = (heap - _YOUNG - _OWN) * MIB
    largest = min(int(given["max_request_size"]), room // (_SHORTEST_QUEUE + _OUTSIDE))
    if largest < _LEAST_REQUEST:
        raise StartError(
            f"{total} MiB of memory are too little: the JVM's part of it, {heap} MiB, would hold "
            f"requests of {max(0, largest)} bytes only; give this machine or container at least "
            f"{_least_memory()} MiB"
        )
    queue = min(room // largest - _OUTSIDE, _LONGEST_QUEUE)
    direct = max(_LEAST_DIRECT, min(int(total * _DIRECT_SHARE), _MOST_DIRECT))
    return Sizes(heap, direct, int(given.get("job_queue_size", queue)), largest)


def _least_memory() -> int:
    heap = _YOUNG + _OWN + (_SHORTEST_QUEUE + _OUTSIDE) * _LEAST_REQUEST // MIB
    return int(heap / _HEAP_SHARE)


def usable_memory(
    membership: Path = Path("/proc/self/cgroup"), cgroups: Path = Path("/sys/fs/cgroup")
) -> int:
    """Return the memory that this process may use, in bytes: the machine's, or a smaller limit.

    Args:
        membership: Where the kernel names this process's control group (cgroups(7), version 2).
        cgroups: Where control groups are mounted.
    """
    memory = int(psutil.virtual_memory().total)
    try:
        (line,) = (e for e in membership.read_text("utf-8").splitlines() if e.startswith("0::/"))
        group = cgroups / line.removeprefix("0::/")
    except (OSError, ValueError):
        return memory
    for folder in (group, *group.parents):
        limit = folder / "memory.max"
        if limit.is_file() and (text := limit.read_text("ascii").strip()).isdigit():
            memory = min(memory, int(text))
        if folder == cgroups:
            break
    return memory
