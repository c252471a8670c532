"""`make faults`: injects each fault, and writes the table of docs/operations.md.

It takes about ten minutes on two cores. Faults that need something this machine lacks are reported
and skipped: filling a disk needs root, setting the clock needs libfaketime.
"""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.faults.faults import FAULTS
from bench.faults.run import Load, make, missing, running
from bench.faults.table import markdown
from bench.lab import machine
from bench.lab.chosen import chosen
from bench.lab.errors import BenchError
from bench.lab.page import write_section
from bench.lab.subject import find_photos
from classifier.description import sha256_of_file
from client.errors import ClientError
from console.arguments import count
from console.ending import exit_code_of
from console.progress import show_log
from server.errors import ControlError
from train.provenance import git_revision

if TYPE_CHECKING:
    from bench.faults.faults import Fault

logger = logging.getLogger(__name__)

MAX_PHOTOS = 100
STREAK = 100


def main(arguments: list[str] | None = None) -> int:
    """Inject the faults; return the exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    logging.getLogger("client").setLevel(logging.WARNING)  # retries are counted, not logged
    return exit_code_of(lambda: _run(options), BenchError, ControlError, ClientError)


def _run(options: argparse.Namespace) -> None:
    photos = tuple(path.read_bytes() for path in find_photos(options.photos)[:MAX_PHOTOS])
    load = Load(photos, {"plain": options.clients, "ours": 2, "patient": 2}, STREAK)
    figures = _measure(chosen(options.only, FAULTS, "faults"), options, load)
    text = markdown(figures)
    if options.page:
        write_section(options.page, "faults", text, figures)
    print(text, end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    parser.add_argument("--mar", type=Path, default=Path("model-store/flowers.mar"))
    parser.add_argument("--photos", type=Path, default=Path("data_set/val"), help="JPEG files")
    parser.add_argument("--clients", type=count, default=16, help="plain clients; 4 others besides")
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(f.name for f in FAULTS)}")
    parser.add_argument("--work", type=Path, default=Path("build/faults"), help="scratch folder")
    parser.add_argument("--page", type=Path, help="page to write into, such as docs/operations.md")
    return parser


def _measure(faults: list[Fault], options: argparse.Namespace, load: Load) -> dict[str, Any]:
    results, left_out = {}, {}
    about = machine.describe()
    for fault in faults:
        needs = {fault.needs} if fault.needs else set()
        if reason := "; ".join(map(missing, needs)):
            logger.warning("left out, %s: %s", fault.name, reason)
            left_out[fault.name] = reason
            continue
        with running(options.mar, options.work, needs) as stage:
            result = make(fault, stage, load)
            results[fault.name] = result.as_json() | {"left_after_stop": stage.stop()}
        logger.info("%s: well after %.1f s", fault.title, result.recovered_s)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": git_revision("."),
        "machine": about,
        "mar_sha256": sha256_of_file(options.mar),
        "clients": load.clients,
        "results": results,
        "left_out": left_out,
    }


if __name__ == "__main__":
    sys.exit(main())
