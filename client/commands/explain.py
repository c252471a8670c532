"""`explain`: shows which parts of an image support its class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from client.commands import report
from client.commands.inputs import local_file
from client.commands.report import print_line
from client.errors import LocalFileError

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the file, and where to draw its map."""
    parser.add_argument("file", metavar="FILE", help="a path, or obs:// or s3://")
    parser.add_argument("--version", help="version of the model")
    parser.add_argument("--output", type=Path, metavar="PNG", help="draw it instead of JSON")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Explain one file: as JSON on standard output, or as a PNG file."""
    client = connection.inference(options.version)
    image = local_file(options.file)
    if options.output is None:
        print_line(report.as_json(client.explain(image)))
        return 0
    overlay = client.explain_png(image)
    try:
        options.output.write_bytes(overlay)
    except OSError as error:
        raise LocalFileError(f"cannot write {options.output}: {error.strerror}") from error
    print_line(str(options.output))
    return 0
