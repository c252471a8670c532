"""`scale`: sets the number of workers without losing a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands.arguments import positive, whole
from client.commands.interruption import undo_on_sigterm
from client.commands.report import print_line
from client.operations.idle import DEFAULT_DEADLINE_S
from client.operations.model_store import find_model_store
from client.operations.scaling import scale_safely

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of workers, and how long to wait for a quiet moment."""
    parser.add_argument("workers", type=whole, metavar="N")
    parser.add_argument(
        "--deadline",
        type=positive,
        default=DEFAULT_DEADLINE_S,
        metavar="SECONDS",
        help="longest wait for a quiet moment when scaling down (%(default)g)",
    )
    parser.add_argument("--force", action="store_true", help="do not wait; may cut off requests")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Set the number of workers."""
    undo_on_sigterm()
    words = scale_safely(
        connection.management(),
        connection.addresses.metrics,
        connection.model,
        options.workers,
        store=find_model_store(connection.run_dir),
        deadline_s=options.deadline,
        force=options.force,
    )
    print_line(words)
    return 0
