"""The comparison: which mode of each server is its fastest, then all of them in turns."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from bench.lab.errors import LoadFailed, PeerFailed
from bench.lab.plan import LONE, OURS, SECOND, STOCK
from bench.lab.servers.marigold import Marigold
from bench.lab.servers.peers import modes
from bench.lab.servers.stock import Stock
from bench.lab.subject import CORES, run_module
from bench.lab.visit import visit, whole_visit
from bench.speed.limit import MODES as LIMIT_MODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.lab.plan import Plan
    from bench.lab.servers.peers import Peer
    from bench.lab.subject import Subject

    Candidate = Marigold | Stock | Peer

logger = logging.getLogger(__name__)


def candidates(name: str) -> Sequence[Candidate]:
    """Return a server in all modes that are worth a try."""
    if name in {OURS, SECOND}:
        return (Marigold(name=name),)
    if name == LONE:
        return (Stock(name=LONE),)
    if name == STOCK:
        return [Stock(workers, batch) for workers in (1, 2) for batch in (1, 8)]
    kind, _, model = name.partition("-")
    return modes(kind, model or "marigold", CORES)


def choose(name: str, subject: Subject, plan: Plan) -> dict[str, Any]:
    """Try each mode of a server briefly; return the index of the fastest, and all figures.

    A mode that fails is skipped.

    Raises:
        PeerFailed: All modes fail.
    """
    tried = candidates(name)
    if len(tried) == 1 or not plan.choice_s:
        return {"best": 0, "settings": tried[0].settings, "tried": []}
    throughputs: list[float] = []
    for server in tried:
        try:
            with visit(server, subject, plan) as at:
                throughputs.append(at.closed(plan.main_clients, plan.choice_s)["throughput"])
        except (PeerFailed, LoadFailed) as error:
            logger.warning("  %s, %s: %s", name, server.settings, error)
            throughputs.append(0.0)
        logger.info("  %s, %s: %.0f/s", name, server.settings, throughputs[-1])
    best = throughputs.index(max(throughputs))
    if not throughputs[best]:
        raise PeerFailed(f"{name}: none of its modes works")
    return {
        "best": best,
        "settings": tried[best].settings,
        "tried": [
            {"settings": server.settings, "throughput": figure}
            for server, figure in zip(tried, throughputs, strict=True)
        ],
    }


def like(name: str, settings: str) -> dict[str, Any]:
    """Choose the mode of an eager model: the number of workers best for the archive's model."""
    tried = candidates(name)
    workers = settings.rpartition(", ")[2]
    best = next((i for i, server in enumerate(tried) if server.settings.endswith(workers)), 0)
    return {"best": best, "settings": tried[best].settings, "tried": []}


def order(servers: Sequence[str], number: int) -> list[str]:
    """Rotate the order of the servers, so that none always follows the same one."""
    turn = number % len(servers)
    return [*servers[turn:], *servers[:turn]]


def measure_round(
    name: str, subject: Subject, plan: Plan, best: int, number: int
) -> dict[str, Any]:
    """Measure one server in one round; if it fails, the result is its error."""
    try:
        return whole_visit(candidates(name)[best], subject, plan, number)
    except (PeerFailed, LoadFailed) as error:
        if name in {OURS, SECOND, STOCK, LONE}:
            raise
        logger.warning("  %s failed: %s", name, error)
        return {"error": str(error)}


def choose_limit(subject: Subject, plan: Plan) -> dict[str, Any]:
    """Find the fastest way to use the cores without a server."""
    found = [limit(subject, mode, plan.choice_s or 1.0) for mode in LIMIT_MODES]
    best = found.index(max(found))
    tried = [
        {"settings": mode, "throughput": figure}
        for mode, figure in zip(LIMIT_MODES, found, strict=True)
    ]
    return {"best": best, "settings": LIMIT_MODES[best], "tried": tried}


def limit(subject: Subject, mode: str, seconds: float) -> float:
    """Return the photos per second without a server.

    Raises:
        BenchError: It failed.
    """
    options = ("--mode", mode, "--seconds", str(seconds), "--cores", str(CORES))
    return float(run_module(subject, "bench.speed.limit", *options))


def cost(subject: Subject) -> dict[str, float]:
    """Return what decoding and inference cost in CPU time; see `bench.speed.cost`."""
    costs: dict[str, float] = json.loads(run_module(subject, "bench.speed.cost"))
    return costs
