"""Sends requests at full load, window by window, and reads the memory after each."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.lab import processes
from bench.lab.generator import generate
from bench.lab.load import Load
from server.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.lab.servers import Running

logger = logging.getLogger(__name__)

# In each window: the load generator is a new process, whose first requests are not representative.
_WARM_UP_S = 0.5


@dataclass(frozen=True)
class Plan:
    """How long to send requests; both time and number must be reached.

    Attributes:
        seconds: Total duration.
        requests: Total number of requests.
        window_s: Duration of one window.
        clients: Clients of the closed loop.
    """

    seconds: float
    requests: int
    window_s: float
    clients: int


@dataclass(frozen=True)
class Window:
    """One stretch of time.

    Attributes:
        end_s: Its end, in seconds since the start.
        requests: Requests since the start, including the warm-up.
        throughput: Answers per second.
        p50_ms: Median latency, milliseconds.
        p99_ms: 99th percentile of the latency, milliseconds.
        memory_mb: Memory after it, by process role; proportional set sizes.
    """

    end_s: float
    requests: int
    throughput: float
    p50_ms: float
    p99_ms: float
    memory_mb: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return asdict(self)


def soak(running: Running, photos: Sequence[Path], plan: Plan) -> list[Window]:
    """Load a server until time and requests are reached.

    Raises:
        LoadFailed: An answer had another status than 2xx, or none came.
    """
    load = Load(
        host=HOST,
        port=running.port,
        path=running.dialect.path,
        headers=running.all_headers,
        bodies=tuple(str(photo.resolve()) for photo in photos),
        clients=plan.clients,
        seconds=plan.window_s,
        warm_up_s=_WARM_UP_S,
    )
    start, requests = time.monotonic(), 0
    windows: list[Window] = []
    while time.monotonic() < start + plan.seconds or requests < plan.requests:
        run = generate(load, server=running.name)
        requests += run.total
        memory = _memory_mb(running)
        end_s = time.monotonic() - start
        windows.append(Window(end_s, requests, run.throughput, run.p50_ms, run.p99_ms, memory))
        logger.info(
            "%5.0f s %8d requests %5.0f/s p99 %5.1f ms %6.0f MB",
            *(end_s, requests, run.throughput, run.p99_ms, sum(memory.values())),
        )
    return windows


def _memory_mb(running: Running) -> dict[str, float]:
    memory: dict[str, float] = {}
    for process in running.family:
        name = processes.role(process)
        memory[name] = memory.get(name, 0.0) + processes.pss_mb([process])
    return memory
