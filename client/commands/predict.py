"""`predict`: classifies image files with a running server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from client.commands import report
from client.commands.arguments import count
from client.commands.inputs import local_file
from client.commands.report import print_line
from client.errors import ClientError

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the files, and how to show their answers."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a path, or obs:// or s3://")
    parser.add_argument("--version", help="version of the model")
    parser.add_argument("--top", type=count, default=3, help="classes to show (%(default)d)")
    parser.add_argument("--concurrency", type=count, default=8, help="at a time (%(default)d)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Classify files; 1 if any of them failed."""
    files: list[str] = options.files
    file_width = max(len(file) for file in files)
    failed = 0
    paths = (local_file(file) for file in files)
    results = connection.inference(options.version).predict_many(paths, options.concurrency)
    for file, (_, result) in zip(files, results, strict=True):
        failed += isinstance(result, ClientError)
        if options.json:
            print_line(report.prediction_json(file, result, top=options.top))
        elif isinstance(result, ClientError):
            # Both streams often go to one terminal: keep their lines in order.
            sys.stdout.flush()
            sys.stderr.write(f"{file:<{file_width}}  {result}\n")
        else:
            print_line(report.prediction_line(file, result, file_width=file_width, top=options.top))
    if failed:
        raise ClientError(f"{failed} of {len(files)} files failed")
    return 0
