"""`deploy`: brings a new version into service, or leaves everything as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.commands import rollback
from client.commands.arguments import share
from client.commands.interruption import undo_on_sigterm
from client.commands.report import print_line
from client.errors import LocalFileError
from client.operations.rollout import Rollout
from client.operations.rollout_record import Release

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection

_MIN_AGREEMENT = 0.5


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the new version, and what it must satisfy."""
    parser.add_argument("version", metavar="VERSION", help="as in the archive's manifest")
    parser.add_argument(
        "--archive", help="file in the model store (the model's name, a dash, VERSION, .mar)"
    )
    parser.add_argument(
        "--min-agreement",
        type=share,
        metavar="SHARE",
        help="smallest share of the samples with the same label as before, 0 to 1 "
        f"({_MIN_AGREEMENT:g})",
    )
    parser.add_argument(
        "--other-labels", action="store_true", help="allow it to lack labels of the current version"
    )
    parser.add_argument(
        "--check-only", action="store_true", help="change nothing; say what stands in the way"
    )
    rollback.add_options(parser)


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Bring a new version into service."""
    undo_on_sigterm()
    archive = options.archive or f"{connection.model}-{options.version}.mar"
    if options.min_agreement is not None and not options.samples:
        raise LocalFileError("--min-agreement needs photos to compare answers on; add --samples")
    least = _MIN_AGREEMENT if options.min_agreement is None else options.min_agreement
    checks = rollback.checks_from(options, least, other_labels=options.other_labels)
    rollout = Rollout(connection, Release(options.version, archive), checks, print_line)
    if options.check_only:
        rollout.check()
        return 0
    rollout.run()
    print_line(
        f"serving {connection.model} {options.version}; `make rollback` goes back; after a stop, "
        f"`make serve VERSION={options.version}` serves it again"
    )
    return 0
