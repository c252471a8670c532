"""`python -m train.evaluation`: evaluates a model folder on a data set and writes the files."""

from __future__ import annotations

import argparse
import sys

from train.cli import add_urls, run_command
from train.evaluation.comparison import compare_evaluations, write_comparison
from train.evaluation.evaluate import evaluate_folder
from train.evaluation.files import write_evaluation
from train.model_url import model_path
from train.urls import local_path, output


def main(arguments: list[str] | None = None) -> int:
    """Run the evaluation; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluation",
        description="Evaluate a trained model.",
        allow_abbrev=False,
    )
    add_urls(parser, "data_url", "train_url", "eval_url")
    parser.add_argument(
        "--compare", metavar="URL", help="another model, measured on the same photos and compared"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    with output(options.eval_url) as out:
        first, photos = model_path(options.train_url), local_path(options.data_url)
        second = model_path(options.compare) if options.compare else None
        evaluation = evaluate_folder(first, photos)
        write_evaluation(out.folder, evaluation, photos_url=options.data_url)
        if second is not None:
            compared = compare_evaluations(evaluation, evaluate_folder(second, photos))
            write_comparison(out.folder, (options.train_url, options.compare), compared)


if __name__ == "__main__":
    sys.exit(main())
