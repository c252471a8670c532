"""`python -m train.evaluation`: evaluates a model folder on a data set and writes the files."""

from __future__ import annotations

import argparse
import sys

from train.cli import add_urls, run_command
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
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options.train_url, options.data_url, options.eval_url))


def _run(train_url: str, data_url: str, eval_url: str) -> None:
    with output(eval_url) as out:
        evaluation = evaluate_folder(model_path(train_url), local_path(data_url))
        write_evaluation(out.folder, evaluation, photos_url=data_url)


if __name__ == "__main__":
    sys.exit(main())
