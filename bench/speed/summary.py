"""Reads the raw results: each server's figures, round by round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.lab.figures import Spread, spread
from bench.lab.plan import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WORKER = "model_service_worker.py"


@dataclass(frozen=True)
class Summary:
    """The steps of a results file."""

    steps: Mapping[str, Any]

    @property
    def plan(self) -> dict[str, Any]:
        """The plan that was followed."""
        plan: dict[str, Any] = self.steps["about"]["plan"]
        return plan

    @property
    def main_clients(self) -> int:
        """The number of clients that the bars use."""
        return int(self.plan["main_clients"])

    @property
    def servers(self) -> list[str]:
        """The servers with figures, without the in-process limit."""
        return [name for name in self.plan["servers"] if name != LIMIT and self.rounds(name)]

    def rounds(self, server: str) -> dict[int, dict[str, Any]]:
        """Return a server's results by round; rounds in which it failed are left out."""
        found = {}
        for number in range(self.plan["rounds"]):
            result = self.steps.get(f"round {number} {server}")
            if result and "error" not in result:
                found[number] = result
        return found

    def error(self, server: str) -> str:
        """Return why a server has no figures; "" if it has."""
        if error := self.steps.get(f"choice {server}", {}).get("error"):
            return str(error)
        for number in range(self.plan["rounds"]):
            if error := self.steps.get(f"round {number} {server}", {}).get("error"):
                return str(error)
        return ""

    def throughput(self, server: str, clients: int | None = None) -> dict[int, float]:
        """Return answers per second by round; at the main number of clients by default."""
        if server == LIMIT:
            return {number: result["throughput"] for number, result in self.rounds(LIMIT).items()}
        key = str(clients or self.main_clients)
        return self._each(server, lambda result: result["closed"].get(key, {}).get("throughput"))

    def latency(self, server: str, clients: int, which: str = "p50_ms") -> dict[int, float]:
        """Return a percentile of the latency of a closed loop, by round."""
        key = str(clients)
        return self._each(server, lambda result: result["closed"].get(key, {}).get(which))

    def open_latency(self, server: str, share: float, which: str) -> dict[int, float]:
        """Return a percentile of the latency of an open loop, by round."""
        key = str(share)
        return self._each(server, lambda result: result.get("open", {}).get(key, {}).get(which))

    def start_s(self, server: str) -> dict[int, float]:
        """Return the seconds from start to first answer, by round."""
        return self._each(server, lambda result: result.get("start_s"))

    def memory_mb(self, server: str, role: str = "") -> dict[int, float]:
        """Return the memory by round: of all processes, or of the largest one with a role."""

        def of(result: dict[str, Any]) -> float | None:
            sizes = [float(mb) for name, mb in result.get("memory_mb", []) if role in {"", name}]
            if not sizes:
                return None
            return max(sizes) if role else sum(sizes)

        return self._each(server, of)

    def cpu_ms(self, server: str) -> dict[str, float]:
        """Return the CPU time per answer by process, at the main number of clients."""
        collected: dict[str, list[float]] = {}
        for result in self.rounds(server).values():
            run = result["closed"].get(str(self.main_clients))
            if run is None:
                continue
            for name, used in run["cpu_ms"].items():
                collected.setdefault(name, []).append(used)
            own = 1000 * run["generator_cpu"] * run["seconds"] / run["answers"]
            collected.setdefault("load generator", []).append(own)
        return {name: spread(values).median for name, values in collected.items()}

    def _each(
        self, server: str, figure: Callable[[dict[str, Any]], float | None]
    ) -> dict[int, float]:
        figures = {number: figure(result) for number, result in self.rounds(server).items()}
        return {number: value for number, value in figures.items() if value is not None}


def compared(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Spread | None:
    """Compare two servers within each round that has both; None if there is none."""
    ratios = [ours[number] / theirs[number] for number in ours if number in theirs]
    return spread(ratios) if ratios else None
