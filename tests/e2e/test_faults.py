"""Faults under load, and what clients see of them: `make faults` in short."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bench.faults.faults import FAULTS, NEEDS, Fault
from bench.faults.run import Load, make, missing, running
from bench.faults.traffic import WELL
from bench.lab.variants import variant
from classifier.reference import REFERENCE_NAMES, draw_png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.faults.stage import Stage
    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

LOAD = Load(
    tuple(draw_png(name) for name in REFERENCE_NAMES), {"plain": 3, "ours": 1, "patient": 1}, 6
)
SETTINGS = {
    "responseTimeout": 3,  # s until a hung worker is replaced; 30 in the archive that is shipped
    "handler.deadline_s": 1,
    # Fewer than ask: after a clock set back, TorchServe waits until a batch is full.
    "batchSize": 4,
}
GONE = {"no connection", "broken off"}
# What plain clients may see besides good answers.
PLAIN = {
    "worker-killed": {"500", "507"},
    "worker-hung": {"500"},
    "server-killed": GONE | {"503"},  # from the front, while TorchServe is gone
    "restart": GONE,
    "disk-full": set[str](),
    "disk-full-kill": {"500", "507"},
    "port-taken": set[str](),
    "clock-ahead": set[str](),
    "clock-back": set[str](),
    "boot-time": set[str](),
    "deployments": set[str](),
    "archive-swapped": {"500", "507"},
    "burst": {"503"},
}
# TorchServe leaves the socket files of workers that it ended; they go when it stops.
LEFT = {"deployments": r"tmp/\.ts\.sock\.\d+"}
# What our client may see as it comes; with `outage_s` it sees nothing at all.
OURS = {"server-killed": GONE | {"503"}, "restart": GONE, "burst": {"503"}}


@pytest.fixture(scope="module")
def stage(archived: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A supervised server on a disk that can be filled and a clock that can be set."""
    folder = tmp_path_factory.mktemp("faults")
    mar = archived.home / "store" / "flowers.mar"
    mar = variant(mar, SETTINGS, folder / "mar")
    needs = [need for need in NEEDS if not missing(need)]
    with running(mar, folder / "stage", needs, grace_s=1.0) as found:
        yield found
        assert found.stop() == []


def test_every_fault_has_its_promise() -> None:
    assert {fault.name for fault in FAULTS} == PLAIN.keys()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_passes_and_leaves_nothing_behind(stage: Stage, fault: Fault) -> None:
    if reason := fault.needs and missing(fault.needs):
        pytest.skip(reason)
    result = make(fault, stage, LOAD)
    assert result.plain.keys() - {WELL} <= PLAIN[fault.name]
    assert result.ours.keys() - {WELL} <= OURS.get(fault.name, set())
    assert result.patient.keys() == {WELL}
    allowed = re.compile(LEFT.get(fault.name, "nothing"))
    assert [what for what in result.left if not allowed.fullmatch(what)] == []


def test_a_restart_has_its_archive_ready_before_it_stops(archived: Served, tmp_path: Path) -> None:
    elsewhere = (f"MODEL_STORE={tmp_path / 'store'}", f"BUILD_DIR={tmp_path / 'build'}")
    steps = archived.make("restart", "--dry-run", *elsewhere)
    lines = [line for line in steps.splitlines() if "--check-only" not in line]
    (verify,) = (index for index, line in enumerate(lines) if "-m archive verify" in line)
    (begin,) = (index for index, line in enumerate(lines) if "-m server start" in line)
    assert verify < begin
    assert "--restart" in lines[begin]  # it stops only when all is ready
    assert "-m server stop" not in steps
