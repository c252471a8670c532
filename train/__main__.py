"""`python -m train`: the training job, with the arguments that ModelArts passes."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

from train.cli import add_urls, command
from train.job import Job, run
from train.platform_arguments import misspelt
from train.recipe import Recipe, read_recipe

_OPTIONS = (
    *("data_url", "train_url", "eval_url", "recipe", "set", "resume"),
    "skip_unreadable",
)
CONFIG = Path(__file__).resolve().parent.parent / "config"


@command(after_interrupt="; finished epochs are kept, --resume continues")
def main(arguments: list[str] | None) -> None:
    """Run the training job."""
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    settings = [each.name for each in dataclasses.fields(Recipe)]
    if problem := misspelt(unknown, _OPTIONS, settings):
        parser.error(problem)
    if unknown:
        logging.getLogger(__name__).warning("ignored unknown arguments: %s", " ".join(unknown))
    recipe = read_recipe(options.recipe, options.overrides)
    urls = (options.data_url, options.train_url, options.eval_url)
    skip = options.skip_unreadable
    run(Job(*urls, recipe, resume=options.resume, skip_unreadable=skip))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train a classifier on a folder of labelled photos.",
        allow_abbrev=False,  # a platform's own argument is no abbreviation of these
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
    parser.add_argument(
        *("--skip-unreadable", "--skip_unreadable"),
        action="store_true",
        help="go on without the photos that cannot be read",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
