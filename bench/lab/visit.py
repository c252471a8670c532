"""One visit to one server: start it, check its answers, put it under load, stop it.

Only one server runs at a time: idle ones still use memory, and some of them CPU.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import requests

from bench.lab import processes
from bench.lab.errors import PeerFailed
from bench.lab.generator import generate
from bench.lab.load import Load
from server.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.lab.plan import Plan
    from bench.lab.servers import Running, Server
    from bench.lab.subject import Subject

_SLOWEST_SAMPLE = 30  # a slow server gets time for this many answers
# Float32 and int8 may differ on a borderline photo; more differences mean another model.
_MIN_AGREEMENT = 0.9


@dataclass(frozen=True)
class Visit:
    """A running server, and how to load it.

    Attributes:
        running: The server.
        subject: The archive and the photos.
        folder: Folder for request bodies.
        warm_up_s: Warm-up before each run, in seconds.
    """

    running: Running
    subject: Subject
    folder: Path
    warm_up_s: float

    def load(self, photos: Sequence[Path], **how: Any) -> Load:
        """Build a load from photos; see `Load` for `how`."""
        running = self.running
        bodies = write_bodies(running, photos, self.folder)
        return Load(
            host=HOST,
            port=running.port,
            path=running.dialect.path,
            headers=running.all_headers,
            bodies=bodies,
            warm_up_s=self.warm_up_s,
            **how,
        )

    def closed(
        self, clients: int, seconds: float, photos: Sequence[Path] | None = None
    ) -> dict[str, Any]:
        """Run a closed loop; the result includes each process's CPU time per answer."""
        load = self.load(
            photos or self.subject.photos,
            clients=clients,
            seconds=seconds,
            at_least=min(_SLOWEST_SAMPLE, 5 * clients),
        )
        family = self.running.family
        before, start = processes.cpu_seconds(family), time.perf_counter()
        run = generate(load, server=self.running.name)
        wall_s, after = time.perf_counter() - start, processes.cpu_seconds(family)
        cpu_ms: dict[str, float] = {}
        for process in family:
            used = after.get(process.pid, 0.0) - before.get(process.pid, 0.0)
            name = processes.role(process)
            cpu_ms[name] = cpu_ms.get(name, 0.0) + 1000 * used / run.total
        return {**asdict(run), "cpu_ms": cpu_ms, "wall_s": wall_s}

    def open(self, rate: float, seconds: float) -> dict[str, Any]:
        """Run an open loop at `rate` requests per second."""
        load = self.load(self.subject.photos, rate=rate, seconds=seconds)
        return {**asdict(generate(load, server=self.running.name)), "rate": rate}

    def agreement(self) -> float:
        """Return the share of photos that get the same class as from the archive's model.

        Raises:
            PeerFailed: So many differ that it must be another model.
        """
        with requests.Session() as session:
            answers = [
                self.running.ask(session, photo.read_bytes()) for photo in self.subject.photos
            ]
        pairs = zip(answers, self.subject.expected, strict=True)
        share = sum(answer == expected for answer, expected in pairs) / len(answers)
        if share < _MIN_AGREEMENT:
            raise PeerFailed(f"{self.running.name}: agrees on {share:.0%} of the photos only")
        return share

    def memory_mb(self) -> list[tuple[str, float]]:
        """Return each process's role and its memory, in MB."""
        family = self.running.family
        return [(processes.role(process), processes.pss_mb([process])) for process in family]


@contextmanager
def visit(server: Server, subject: Subject, plan: Plan) -> Iterator[Visit]:
    """Start a server, and stop it at the end."""
    folder = subject.work / "runs" / server.name
    running = server.start(subject, folder)
    try:
        yield Visit(running, subject, folder, plan.warm_up_s)
    finally:
        running.stop()


def write_bodies(running: Running, photos: Sequence[Path], folder: Path) -> tuple[str, ...]:
    """Write the request body of each photo; photos that are sent unchanged are used directly."""
    bodies = []
    for photo in photos:
        content = photo.read_bytes()
        body = running.dialect.encode(content)
        if body == content:
            bodies.append(str(photo.resolve()))
            continue
        path = folder / "bodies" / f"{photo.parent.name}-{photo.stem}"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        bodies.append(str(path.resolve()))
    return tuple(bodies)


def whole_visit(server: Server, subject: Subject, plan: Plan, number: int) -> dict[str, Any]:
    """Measure everything that the comparison needs from one server in one round.

    Its answers are checked in the first round.
    """
    with visit(server, subject, plan) as at:
        result: dict[str, Any] = {"start_s": at.running.start_s}
        if number == 0:
            result["agreement"] = at.agreement()
        result["closed"] = {}
        for clients in plan.clients_of(server.name):
            result["closed"][str(clients)] = at.closed(clients, plan.seconds_at(clients))
            if clients == plan.main_clients:
                result["memory_mb"] = at.memory_mb()
        most = max(run["throughput"] for run in result["closed"].values())
        result["open"] = {
            str(share): at.open(share * most, plan.seconds)
            for share in plan.open_shares_of(server.name, number)
        }
    return result
