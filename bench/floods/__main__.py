"""`make floods`: sends each flood to the front, then to TorchServe itself, on fresh servers."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.floods.floods import CLIENTS, FLOODS, Flood, Seen, Target, measure
from bench.floods.table import markdown
from bench.lab import machine
from bench.lab.chosen import chosen
from bench.lab.errors import BenchError
from bench.lab.page import write_section
from bench.lab.subject import find_photos
from client.api.key_file import read_key_file, read_own_key
from client.errors import ClientError
from console.arguments import count
from console.ending import exit_code_of
from console.progress import show_log
from server.errors import ControlError
from server.ports import HOST, Ports, free_ports
from server.run_folder import RunFolder
from server.start import Options, start
from server.stop import stop
from train.provenance import git_revision

logger = logging.getLogger(__name__)
FRONT, DIRECT = "the front", "TorchServe itself"
_PHOTOS = 20


def main(arguments: list[str] | None = None) -> int:
    """Send the floods; return the exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    return exit_code_of(lambda: _run(options), BenchError, ControlError, ClientError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.floods", description=__doc__)
    parser.add_argument("--mar", type=Path, default=Path("model-store/flowers.mar"))
    parser.add_argument(
        "--photos", type=Path, default=Path("data_set/val"), help="small JPEG files"
    )
    parser.add_argument("--only", metavar="NAMES", help=f"of {','.join(f.name for f in FLOODS)}")
    parser.add_argument("--seconds", type=count, default=15, help="of each measurement")
    parser.add_argument("--work", type=Path, default=Path("build/floods"), help="scratch folder")
    parser.add_argument("--page", type=Path, help="write into it, such as docs/operations.md")
    return parser


def _run(options: argparse.Namespace) -> None:
    photos = find_photos(options.photos)[:_PHOTOS]
    results = [
        _one(flood, to, options, photos)
        for flood in chosen(options.only, FLOODS, "floods")
        for to in (FRONT, DIRECT)
    ]
    figures = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": git_revision("."),
        "machine": machine.describe(),
        "clients": CLIENTS,
        "seconds": options.seconds,
        "results": results,
    }
    text = markdown(figures)
    if options.page:
        write_section(options.page, "floods", text, figures)
    print(text, end="")


def _one(
    flood: Flood, to: str, options: argparse.Namespace, photos: tuple[Path, ...]
) -> dict[str, Any]:
    run = RunFolder(options.work.resolve() / "run")
    shutil.rmtree(run.path, ignore_errors=True)
    ports = Ports.starting_at(free_ports())
    start(Options(options.mar, "flowers", ports), run)
    try:
        own = read_key_file(run.key_file).inference.value
        port, key = (
            (ports.inference, read_own_key(run.key_file)) if to == FRONT else (ports.behind, own)
        )
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
        target = Target((HOST, port), "/predictions/flowers", headers, run.path)
        seen = measure(flood, target, photos, float(options.seconds))
    finally:
        stop(run, grace_s=1.0)
    logger.info("%s, sent to %s: %s", flood.title, to, seen)
    return figures_of(flood, to, seen)


def figures_of(flood: Flood, to: str, seen: Seen) -> dict[str, Any]:
    """Return one row of the results, for JSON."""
    return {"name": flood.name, "title": flood.title, "to": to} | vars(seen)


if __name__ == "__main__":
    sys.exit(main())
