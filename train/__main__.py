"""`python -m train`: the training job, with the arguments that ModelArts passes."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from train import world
from train.cli import add_urls, run_command
from train.fit.checkpoint import CHECKPOINT_FILE
from train.job import Job, run
from train.recipe import read_recipe
from train.urls import local_path, output

CONFIG = Path(__file__).resolve().parent.parent / "config"


def main(arguments: list[str] | None = None) -> int:
    """Run the training job; return the exit code."""
    options, unknown = _parser().parse_known_args(arguments)
    return run_command(
        lambda: _train(options, unknown),
        after_interrupt="; finished epochs are kept, --resume continues",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a classifier on a folder of labelled photos.",
        allow_abbrev=False,  # a platform's own argument must not be taken for one of these
    )
    add_urls(parser, "data_url", "train_url", "eval_url")
    parser.add_argument(
        "--recipe",
        type=Path,
        default=CONFIG / "train.toml",
        help="TOML file (default: config/train.toml)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="overrides",
        help="override a setting of the recipe, such as lr=1e-3; can be repeated",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue from the checkpoint, if there is one"
    )
    return parser


def _train(options: argparse.Namespace, unknown: list[str]) -> None:
    if unknown:
        logging.getLogger(__name__).warning("ignored unknown arguments: %s", " ".join(unknown))
    recipe = read_recipe(options.recipe, options.overrides)
    # The places to write to come first: what is wrong with them shall not show after hours.
    with (
        world.joined(),
        output(options.train_url) as model,
        output(options.eval_url) as evaluation,
    ):
        if not world.is_first():
            logging.disable(logging.INFO)  # one of them tells, all of them warn
        if options.resume:
            model.bring(CHECKPOINT_FILE)
        run(
            Job(
                data_root=local_path(options.data_url),
                train_root=model.folder,
                eval_root=evaluation.folder,
                recipe=recipe,
                resume=options.resume,
                data_url=options.data_url,
                after_epoch=model.save,
            )
        )


if __name__ == "__main__":
    sys.exit(main())
