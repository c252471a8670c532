"""What this package's commands share: logging, errors, and the URL options."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tqdm.contrib.logging import logging_redirect_tqdm

from classifier.errors import ClassifierError
from console.ending import exit_code_of
from console.progress import show_log
from train.errors import TrainError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def run_command(command: Callable[[], None], *, after_interrupt: str = "") -> int:
    """Run a command, logging to stderr around progress bars; see `console.ending.exit_code_of`."""
    show_log(times=True)
    with logging_redirect_tqdm():
        return exit_code_of(command, TrainError, ClassifierError, after_interrupt=after_interrupt)


def command(
    *, after_interrupt: str = ""
) -> Callable[[Callable[[list[str] | None], None]], Callable[..., int]]:
    """Decorate a `main` so that it returns its exit code; see `run_command`."""

    def decorate(main: Callable[[list[str] | None], None]) -> Callable[..., int]:
        @functools.wraps(main)
        def ended(arguments: list[str] | None = None) -> int:
            return run_command(lambda: main(arguments), after_interrupt=after_interrupt)

        return ended

    return decorate


def add_urls(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the options for the URLs to read from and write to, named as in ModelArts.

    Each is a local folder, or ``obs://`` or ``s3://`` with a bucket and a path.
    """
    known = {
        "data_url": ("data_set", "data set: {train,val}/<class>/ (default: %(default)s)"),
        "train_url": ("artifacts", "where to put the trained model (default: %(default)s)"),
        "eval_url": ("out", "where to put the evaluation files (default: %(default)s)"),
    }
    for name in names:
        default, text = known[name]
        parser.add_argument(f"--{name}", default=default, metavar="URL", help=text)
