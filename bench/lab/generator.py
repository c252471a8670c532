"""Runs the load generator in its own process and summarises the results."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bench.lab.commands import output_of
from bench.lab.errors import LoadFailed
from bench.lab.figures import percentile

if TYPE_CHECKING:
    from bench.lab.load import Load

_START_S = 30.0


@dataclass(frozen=True)
class Run:
    """One run of the load generator.

    Attributes:
        throughput: Answers per second.
        p50_ms: Median latency; p95_ms and p99_ms likewise.
        answers: Number of measured answers.
        seconds: Measured time.
        generator_cpu: Share of one core that the load generator used, 0..1.
        lag_ms: Largest delay of an open loop behind its own schedule.
        total: All answers, warm-up included.
    """

    throughput: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    answers: int
    seconds: float
    generator_cpu: float
    lag_ms: float
    total: int


def generate(load: Load, *, server: str = "the server") -> Run:
    """Put a server under load.

    Args:
        load: The load, and where to send it.
        server: The server's name, for the error.

    Raises:
        LoadFailed: An answer had another status than 2xx, or none came.
    """
    printed = output_of(
        [sys.executable, "-m", "bench.lab.load"],
        f"{server}: the load generator failed",
        LoadFailed,
        given=json.dumps(asdict(load)),
        timeout_s=_START_S + 10 * (load.seconds + load.warm_up_s) + 60,
    )
    outcome = json.loads(printed)
    check_statuses(outcome["statuses"], server)
    latencies = outcome["latencies_ms"]
    return Run(
        throughput=len(latencies) / outcome["seconds"],
        p50_ms=percentile(latencies, 0.50),
        p95_ms=percentile(latencies, 0.95),
        p99_ms=percentile(latencies, 0.99),
        answers=len(latencies),
        seconds=outcome["seconds"],
        generator_cpu=outcome["cpu_s"] / outcome["seconds"],
        lag_ms=outcome["lag_ms"],
        total=outcome["total"],
    )


def check_statuses(statuses: dict[str, int], server: str) -> None:
    """Refuse a run with an answer other than 2xx.

    Raises:
        LoadFailed: An answer was not 2xx, or there was none.
    """
    errors = {status: count for status, count in statuses.items() if not status.startswith("2")}
    if errors:
        told = ", ".join(f"{count} x {status}" for status, count in sorted(errors.items()))
        raise LoadFailed(f"{server}: {told} among {sum(statuses.values())} answers under load")
    if not statuses:
        raise LoadFailed(f"{server}: not one answer under load")
