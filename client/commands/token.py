"""`token`: prints a valid key of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.api.key_file import KEY_FILE_NAME
from client.commands.report import print_line
from client.errors import KeyFileError

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add which of the keys."""
    parser.add_argument("--type", choices=("inference", "management"), default="inference")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Print a valid token; the only place that shows one."""
    found = connection.tokens.current(options.type)
    if found is None:
        raise KeyFileError(
            f"there is no {connection.run_dir or 'run'}/{KEY_FILE_NAME}: is the server running "
            "(make serve), with token authorization, and does --run-dir name its directory?"
        )
    print_line(found)
    return 0
