"""The steps of a benchmark, in order; each ends in the results file."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.lab import machine
from bench.lab.errors import PeerFailed
from bench.lab.plan import LIMIT, LONE, OURS, SECOND, STOCK
from bench.lab.servers.marigold import Marigold
from bench.lab.servers.stock import archive as stock_archive
from bench.lab.visit import visit
from bench.speed import accuracy, compare, crosscheck, sweeps
from bench.speed.limit import MODES as LIMIT_MODES
from classifier.description import sha256_of_file
from classifier.model import RUNTIME_FILE
from train.provenance import git_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.lab.plan import Plan
    from bench.lab.subject import Subject
    from bench.speed.results import Results

logger = logging.getLogger(__name__)

FAILED = "failed"


def measure(
    subject: Subject,
    plan: Plan,
    data_url: Path | None,
    results: Results,
    *,
    second: Subject | None = None,
) -> None:
    """Run all steps that have no result yet.

    Args:
        subject: What is served.
        second: What another archive of ours serves beside it; None leaves it out.
        plan: How much is measured.
        data_url: Data set for the accuracy; None leaves it out.
        results: Where the results go.

    Raises:
        BenchError: A step failed; earlier steps are in the results.
    """
    begin = time.perf_counter()
    results.step("about", lambda: about(subject, plan))
    if second:
        results.step("second", lambda: about_model(second))
    if STOCK in plan.servers:
        results.step("stock_mar_bytes", lambda: stock_archive(subject).stat().st_size)
    results.step("check", lambda: check_generator(subject, plan))
    best: dict[str, int] = {}
    settings: dict[str, str] = {}
    servers = [name for name in plan.servers if second or name != SECOND]
    for name in servers:
        choice = results.step(f"choice {name}", _chooser(name, subject, plan, settings))
        best[name], settings[name] = int(choice["best"]), choice["settings"]
    for number in range(plan.rounds):
        for name in compare.order(servers, number):
            if number < plan.rounds_of(name) and settings[name] != FAILED:
                served = second if second and name == SECOND else subject
                step = f"round {number} {name}"
                results.step(step, _rounder(name, served, plan, best[name], number))
    results.step("cost", lambda: compare.cost(subject))
    if {OURS, STOCK} <= set(plan.servers):
        results.step("sizes", lambda: _told("photo sizes", sweeps.photo_sizes, subject, plan, best))
    results.step("workers", lambda: _told("workers", sweeps.worker_counts, subject, plan))
    results.step("one_worker_mb", lambda: sweeps.one_workers_mb(subject, plan))
    results.step("batches", lambda: _told("batch sizes", sweeps.batch_sizes, subject, plan))
    if data_url and (data_url / "val").is_dir():
        results.step(
            "accuracy", lambda: _told("accuracy", accuracy.measure, subject, data_url, plan)
        )
    logger.info("measured in %.1f minutes", (time.perf_counter() - begin) / 60)


def about(subject: Subject, plan: Plan) -> dict[str, Any]:
    """Describe what is measured, and the machine."""
    kinds = {name.partition("-")[0] for name in plan.servers}
    photo_bytes = [photo.stat().st_size for photo in subject.photos]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": git_revision("."),
        "machine": machine.describe(),
        "versions": machine.versions(kinds),
        "plan": dataclasses.asdict(plan),
        "model": about_model(subject),
        "photos": {
            "count": len(subject.photos),
            "mean_bytes": sum(photo_bytes) / len(photo_bytes),
        },
    }


def about_model(subject: Subject) -> dict[str, Any]:
    """Describe an archive and its model."""
    return {
        "arch": subject.description.arch,
        "classes": len(subject.class_names),
        "runtime": _runtime(subject),
        "val_accuracy": subject.description.val_accuracy,
        "mar_bytes": subject.mar.stat().st_size,
        "mar_sha256": sha256_of_file(subject.mar),
    }


def check_generator(subject: Subject, plan: Plan) -> dict[str, Any]:
    """Measure the load generator itself, and compare it with wrk on our server."""
    logger.info("checking the load generator")
    with visit(Marigold(), subject, plan) as at:
        load = at.load(subject.photos, clients=plan.main_clients, seconds=plan.seconds)
        folder = subject.work / "check"
        return {
            "instant": crosscheck.against_instant_server(load, folder),
            "ours": at.closed(plan.main_clients, plan.seconds)["throughput"],
            "wrk": crosscheck.with_wrk(load, folder),
        }


def _chooser(
    name: str, subject: Subject, plan: Plan, settings: Mapping[str, str]
) -> Callable[[], dict[str, Any]]:
    def choose() -> dict[str, Any]:
        logger.info("choosing the mode of %s", name)
        if name == LIMIT:
            return compare.choose_limit(subject, plan)
        kind, _, model = name.partition("-")
        if model and kind in settings:
            return compare.like(name, settings[kind])
        try:
            return compare.choose(name, subject, plan)
        except PeerFailed as error:
            if name in {OURS, SECOND, STOCK, LONE}:
                raise
            return {"best": 0, "settings": FAILED, "tried": [], "error": str(error)}

    return choose


def _rounder(
    name: str, subject: Subject, plan: Plan, best: int, number: int
) -> Callable[[], dict[str, Any]]:
    def measure_it() -> dict[str, Any]:
        if name == LIMIT:
            mode = LIMIT_MODES[best]
            result: dict[str, Any] = {"throughput": compare.limit(subject, mode, plan.main_seconds)}
            told = result["throughput"]
        else:
            result = compare.measure_round(name, subject, plan, best, number)
            told = max((run["throughput"] for run in result.get("closed", {}).values()), default=0)
        logger.info("round %d, %s: %.0f/s", number + 1, name, told)
        return result

    return measure_it


def _told(what: str, sweep: Any, *arguments: Any) -> Any:
    logger.info("%s", what)
    return sweep(*arguments)


def _runtime(subject: Subject) -> str:
    text = (subject.unpacked / RUNTIME_FILE).read_text(encoding="utf-8")
    return str(json.loads(text)["runtime"])
