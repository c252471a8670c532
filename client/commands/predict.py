"""`predict`: classifies image files and folders of them with a running server."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from client.commands import report
from client.commands.arguments import count
from client.commands.csv_file import write_csv
from client.commands.inputs import local_file, named_files
from client.commands.progress import Progress
from client.commands.report import print_line
from client.errors import ClientError, LocalFileError, ServerUnreachable

if TYPE_CHECKING:
    import argparse

    from client.api.predictions import Prediction
    from client.connection import Connection

    Result = Prediction | ClientError

_MANY = 20  # files: from here on, a bar and a summary


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the files, and how to show their answers."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a path, a folder, or obs:// or s3://"
    )
    parser.add_argument("--version", help="version of the model")
    parser.add_argument("--top", type=count, default=3, help="classes to show (%(default)d)")
    parser.add_argument("--concurrency", type=count, default=8, help="at a time (%(default)d)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write a table with every class instead"
    )


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Classify files; 1 if any of them failed."""
    files = named_files(options.files)
    if options.csv and not options.csv.absolute().parent.is_dir():
        raise LocalFileError(f"--csv: there is no folder {options.csv.parent}")
    width = max(len(file) for file in files)
    paths = (local_file(file) for file in files)
    results = connection.inference(options.version).predict_many(paths, options.concurrency)
    found: list[tuple[str, Result]] = []
    with (
        closing(results),
        Progress(len(files) if len(files) >= _MANY else 0, "classified") as progress,
    ):
        for file, (_, result) in zip(files, results, strict=True):
            if not found and type(result) is ServerUnreachable:
                raise result  # once, not for every file
            found.append((file, result))
            if not options.csv:
                progress.above(lambda: _show(file, result, width, options))  # noqa: B023 - now
            progress.step()
    if options.csv:
        write_csv(options.csv, found)
        print_line(f"wrote {options.csv}: {len(files)} files")
    failed = sum(isinstance(result, ClientError) for _, result in found)
    if len(files) >= _MANY and not options.json:
        print_line(_summary(found))
    if failed:
        raise ClientError(f"{failed} of {len(files)} files failed")
    return 0


def _show(file: str, result: Result, width: int, options: argparse.Namespace) -> None:
    if options.json:
        print_line(report.prediction_json(file, result, top=options.top))
    elif isinstance(result, ClientError):
        # Both streams often go to one terminal: keep their lines in order.
        sys.stdout.flush()
        sys.stderr.write(f"{file:<{width}}  {result}\n")
    else:
        print_line(report.prediction_line(file, result, file_width=width, top=options.top))


def _summary(found: list[tuple[str, Result]]) -> str:
    labels = Counter(result.label for _, result in found if not isinstance(result, ClientError))
    each = ", ".join(f"{label} {number}" for label, number in labels.most_common())
    return f"{labels.total()} of {len(found)} files classified: {each or 'none'}"
