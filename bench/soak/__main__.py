"""The command behind `make soak`: full load for a long time, and what grew during it.

At least twenty minutes and 200,000 requests by default; an answer other than 2xx ends it with an
error.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.lab import machine
from bench.lab.errors import BenchError, Unusable
from bench.lab.page import write_section
from bench.lab.servers.marigold import Marigold
from bench.lab.subject import find_photos, prepare
from bench.soak.report import draw, markdown
from bench.soak.run import Plan, soak
from classifier.errors import ClassifierError
from console.arguments import count, seconds
from console.ending import exit_code_of
from console.progress import show_log
from server.errors import ControlError
from train.provenance import git_revision

MAX_PHOTOS = 100
PLOT = Path("images") / "soak.png"


def main(arguments: list[str] | None = None) -> int:
    """Soak a server; return the exit code."""
    options = _parser().parse_args(arguments)
    show_log()
    return exit_code_of(lambda: _run(options), BenchError, ControlError, ClassifierError)


def _run(options: argparse.Namespace) -> None:
    figures = _measure(options)
    text = markdown(figures, str(PLOT))
    if options.page:
        draw(figures["windows"], options.page.parent / PLOT)
        write_section(options.page, "soak", text, figures)
    print(text, end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--mar", type=Path, default=Path("model-store/flowers.mar"))
    parser.add_argument("--model", type=Path, default=Path("pretrained"), help="its model folder")
    parser.add_argument("--photos", type=Path, default=Path("data_set/val"), help="JPEG files")
    parser.add_argument("--minutes", type=float, default=20.0, help="at least")
    parser.add_argument("--requests", type=count, default=200_000, help="at least")
    parser.add_argument("--window-s", type=seconds, default=20.0, help="of one point of the plot")
    parser.add_argument("--clients", type=count, default=32)
    parser.add_argument("--work", type=Path, default=Path("build/soak"), help="scratch folder")
    parser.add_argument("--page", type=Path, help="page to write into, such as docs/operations.md")
    return parser


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    plan = Plan(60 * options.minutes, options.requests, options.window_s, options.clients)
    options.work.mkdir(parents=True, exist_ok=True)
    photos = find_photos(options.photos)[:MAX_PHOTOS]
    subject = prepare(options.mar, options.model, photos, options.work)
    about = machine.describe()
    running = Marigold().start(subject, options.work / "server")
    try:
        windows = soak(running, photos, plan)
    finally:
        running.stop()
    if len(windows) < 2:  # noqa: PLR2004
        raise Unusable("one window shows no slope; use a smaller --window-s")
    arch, crop = subject.description.arch, subject.description.preprocessing.crop
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "revision": git_revision("."),
        "machine": about,
        "model": f"{arch} on {crop} x {crop} pixels, `{options.mar.name}`",
        "clients": plan.clients,
        "windows": [window.as_json() for window in windows],
    }


if __name__ == "__main__":
    sys.exit(main())
