"""`python -m train.evaluation.report FILE`: renders any evaluation file as a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from train.cli import run_command
from train.evaluation.report.grammar import RESULTS_FILE
from train.evaluation.report.page import PAGE_FILE, write_page


def main(arguments: list[str] | None = None) -> int:
    """Render a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluation.report",
        description="Render an evaluation as one HTML page that needs no network.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, help=f"a {RESULTS_FILE}, or the folder that holds it")
    parser.add_argument(
        "--output", type=Path, metavar="PAGE", help=f"the page (default: {PAGE_FILE} beside it)"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _render(options.file, options.output))


def _render(file: Path, output: Path | None) -> None:
    print(write_page(file / RESULTS_FILE if file.is_dir() else file, output))


if __name__ == "__main__":
    sys.exit(main())
