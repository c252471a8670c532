"""Injects a fault under load and reports the outcome."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.faults import boot
from bench.faults.boot import BootTime
from bench.faults.clock import Clock, find_library
from bench.faults.disk import small_disk
from bench.faults.scene import Scene
from bench.faults.stage import Stage
from bench.faults.traffic import Traffic
from bench.lab.errors import Unusable
from client.operations.model_store import stamp_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bench.faults.faults import Fault, Need
    from bench.faults.traffic import Kind

_DISK_MB = 400  # room for an unpacked archive


@dataclass(frozen=True)
class Load:
    """The load during a fault.

    Attributes:
        photos: Photos to send.
        clients: Number of clients of each kind.
        streak: Good answers in a row that count as recovered.
    """

    photos: tuple[bytes, ...]
    clients: dict[Kind, int]
    streak: int


@dataclass(frozen=True)
class Result:
    """The outcome of a fault.

    Attributes:
        title: The fault.
        rate: Good answers per second to plain clients before it.
        plain: Outcomes of plain clients, from the fault until recovery.
        ours: Likewise of our client.
        patient: Likewise of our client with `outage_s`.
        gap_s: The longest time without a good answer to any plain client.
        recovered_s: From the fault to the first good answer after the last bad one.
        left: What was left behind: processes, ports, files.
    """

    title: str
    rate: float
    plain: dict[str, int]
    ours: dict[str, int]
    patient: dict[str, int]
    gap_s: float
    recovered_s: float
    left: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return asdict(self)


def missing(need: Need) -> str:
    """Return what this machine lacks for one of the faults' needs; "" if nothing."""
    if need == "clock":
        return "" if find_library() else "no libfaketime here: apt-get install faketime"
    if need == "boot":
        return boot.why_not()
    if need == "model-api":
        return ""
    try:
        with tempfile.TemporaryDirectory() as folder, small_disk(Path(folder), 1):
            return ""
    except Unusable as error:
        return str(error)


@contextmanager
def running(
    mar: Path, folder: Path, needs: Collection[Need], *, grace_s: float = 10.0
) -> Iterator[Stage]:
    """Start a separate server with what some faults need, and end it; see `Stage`.

    Raises:
        Unusable: This machine lacks what they need; see `missing`.
        PeerFailed: The server does not start.
    """
    for need in needs:
        if reason := missing(need):
            raise Unusable(reason)
    with ExitStack() as stack:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        clock = Clock(folder.resolve()) if "clock" in needs else None
        boot_time = BootTime(folder.resolve()) if "boot" in needs else None
        if "disk" in needs:
            stack.enter_context(small_disk(folder / "run", _DISK_MB))
        stage = Stage(
            copied(mar, folder / "store"),
            folder.resolve(),
            clock,
            boot_time,
            model_api="model-api" in needs,
            model=mar.stem,
            grace_s=grace_s,
        )
        stack.callback(stage.supervisor.stop)
        stage.supervisor.start()
        yield stage


def copied(mar: Path, store: Path) -> Path:
    """Copy an archive and its stamp into a store that faults may change."""
    store.mkdir()
    for path in (mar, stamp_of(mar)):
        shutil.copy2(path, store)
    return store / mar.name


def make(fault: Fault, stage: Stage, load: Load) -> Result:
    """Inject a fault into a running server under load.

    Raises:
        LoadFailed: The server does not recover.
    """
    with Traffic(stage, load.photos, load.clients) as traffic:
        start = time.monotonic()
        traffic.wait_until_well(load.streak)
        rate = load.streak / (time.monotonic() - start)
        before = stage.belongings()
        fault.make(Scene(stage, traffic, load.photos, load.streak))
        recovered_s = traffic.wait_until_well(load.streak)
        gap_s = traffic.gap_s()
    # When all clients have ended: a patient one may still be in a pause when the others recovered.
    kinds: tuple[Kind, ...] = ("plain", "ours", "patient")
    outcomes = {kind: dict(sorted(traffic.outcomes(kind).items())) for kind in kinds}
    left = sorted((stage.belongings() - before).elements())
    return Result(fault.title, rate, **outcomes, gap_s=gap_s, recovered_s=recovered_s, left=left)
