"""`rollback`: returns to the version before the last deployment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from client.commands.arguments import positive, whole
from client.commands.inputs import named_files
from client.commands.interruption import undo_on_sigterm
from client.commands.report import print_line
from client.errors import LocalFileError
from client.operations.acceptance import Checks
from client.operations.comparison import choose_samples
from client.operations.rollout import Rollout, former_release

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


_MOST_SAMPLES = 40


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what to check before and watch after the switch."""
    parser.add_argument(
        "--samples",
        nargs="+",
        default=[],
        metavar="PATH",
        help=f"photos for both versions to classify; up to {_MOST_SAMPLES} of a folder",
    )
    parser.add_argument(
        "--watch", type=positive, default=5.0, metavar="SECONDS", help="watch it (%(default)g)"
    )
    parser.add_argument(
        "--max-failures",
        type=whole,
        default=0,
        metavar="N",
        help="undo it if the server answers more requests with 5xx meanwhile (%(default)d)",
    )


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Return to the previous version, without requiring that its answers agree."""
    undo_on_sigterm()
    checks = checks_from(options, 0.0, other_labels=True)
    former = former_release(connection)
    Rollout(connection, former, checks, print_line).run()
    print_line(f"serving {connection.model} {former.version} from {former.archive}")
    return 0


def checks_from(options: argparse.Namespace, min_agreement: float, *, other_labels: bool) -> Checks:
    """Return the checks that the options of `add_options` describe.

    Raises:
        LocalFileError: A sample does not exist.
    """
    samples = choose_samples(_places(options.samples), _MOST_SAMPLES)
    for sample in samples:
        if not sample.is_file():
            raise LocalFileError(f"{sample}: there is no such file")
    return Checks(samples, min_agreement, other_labels, options.watch, options.max_failures)


def _places(names: list[str]) -> list[Path]:
    """Return files and folders; several names in one text, as `make` hands them on, are apart."""
    return [
        Path(place)
        for name in names
        for place in ([name] if Path(name).is_dir() else named_files([name]))
    ]
