"""What the commands of this package share: logging, and errors that end in one clear line."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tqdm.contrib.logging import logging_redirect_tqdm

from classifier.errors import ClassifierError
from train.errors import TrainError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def run_command(command: Callable[[], None], *, after_interrupt: str = "") -> int:
    """Run a command to its exit code: 0, 1 after ``error: ...``, or 130 after Ctrl-C.

    Args:
        command: What to do.
        after_interrupt: What is told about the state that Ctrl-C leaves.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr
    )
    try:
        with logging_redirect_tqdm():
            command()
    except (TrainError, ClassifierError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted{after_interrupt}", file=sys.stderr)
        return INTERRUPTED
    return 0


def add_urls(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add the arguments that say where to read and write, named as ModelArts names them.

    Each is a local folder, or ``obs://`` or ``s3://`` with a bucket and a path.
    """
    known = {
        "data_url": ("data_set", "data set: {train,val}/<class>/ (default: %(default)s)"),
        "train_url": ("artifacts", "where the trained model is put (default: %(default)s)"),
        "eval_url": ("out", "where evaluation files are put (default: %(default)s)"),
    }
    for name in names:
        default, text = known[name]
        parser.add_argument(f"--{name}", default=default, metavar="URL", help=text)
