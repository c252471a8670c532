"""`python -m train.evaluation.evaluate`: what a model folder makes of a data set, as files.

For each split, `evaluation.json` (with the probabilities of every photo) and `evaluation.md` go to
`analysis-train` and `analysis-val`, the folders of the original's evaluation, beside the files of
`train.evaluation.report` and the page that shows them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from classifier.description import DESCRIPTION_FILE, Preprocessing, read_description
from classifier.labels import LABELS_FILE, read_labels
from classifier.network import load_network
from storage.files import write_text
from train.cli import add_urls, run_command
from train.data.check import check_data_set
from train.data.data_set import SPLITS
from train.errors import DataError
from train.evaluation.features import measure_photos
from train.evaluation.figures import Answers
from train.evaluation.metrics import Metrics, measure
from train.evaluation.predict import choose_device, see
from train.evaluation.report.folder import write_analysis
from train.evaluation.report.page import PAGE_FILE
from train.fit.checkpoint import CHECKPOINT_FILE
from train.markdown import accuracy_sentence, confusion_table, per_class_table
from train.urls import local_path, output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from train.data.data_set import DataSet, Photo

EVALUATION_JSON, EVALUATION_MARKDOWN = "evaluation.json", "evaluation.md"
logger = logging.getLogger(__name__)


class Evaluated(NamedTuple):
    """What was found out about the N photos of a split.

    Attributes:
        metrics: How right the network is.
        labels: [N], the classes.
        features: [N, F], what the last layer sees of each.
    """

    metrics: Metrics
    labels: NDArray[np.int64]
    features: NDArray[np.float32]


def evaluate(  # noqa: PLR0913 - what, on what, how, where to, and two things for the record
    network: nn.Module,
    data_set: DataSet,
    preprocessing: Preprocessing,
    eval_root: Path,
    *,
    photos_url: str = "",
    facts: Mapping[str, str] | None = None,
) -> dict[str, Evaluated]:
    """Evaluate a network on both splits and write the files; return the results by split.

    Args:
        network: The network.
        data_set: The photos; both splits are seen as the handler sees them, in a fixed order.
        preprocessing: How they become pixels.
        eval_root: Folder of the two folders.
        photos_url: The bucket's folder that the photos come from: its console finds them by it.
        facts: Facts about the network, such as the SHA-256 of its weights.
    """
    results = {}
    for split in SPLITS:
        answers, features = _answer(
            network, data_set, split, preprocessing, photos_url=photos_url, facts=facts or {}
        )
        folder = eval_root / f"analysis-{split}"
        paths = [photo.path for photo in getattr(data_set, split)]
        metrics = _write_evaluation(folder, answers, paths, data_set)
        write_analysis(folder, answers, paths, network, preprocessing)
        results[split] = Evaluated(metrics, answers.labels, features)
        logger.info("%s: %s See %s", split, accuracy_sentence(metrics), folder / PAGE_FILE)
    return results


def evaluate_folder(
    model_root: Path, data_root: Path, eval_root: Path, *, photos_url: str = ""
) -> dict[str, Evaluated]:
    """Evaluate the model of a folder such as `artifacts` or `pretrained`.

    Raises:
        DataError: The data set is unfit, or has other classes than the model.
        classifier.errors.ModelError: The model's files are missing or damaged.
    """
    description = read_description(model_root / DESCRIPTION_FILE)
    class_names = read_labels(model_root / LABELS_FILE)
    data_set, data_fingerprint = check_data_set(data_root)
    if data_set.class_names != class_names:
        raise DataError(
            f"{data_root} has the classes {', '.join(data_set.class_names)}, "
            f"the model in {model_root} knows {', '.join(class_names)}: "
            "evaluate it on photos of its own classes"
        )
    network = load_network(
        model_root / description.weights_file,
        description.arch,
        len(class_names),
        description.preprocessing.crop,
    )
    return evaluate(
        network.to(choose_device()),
        data_set,
        description.preprocessing,
        eval_root,
        photos_url=photos_url,
        facts={
            "architecture": description.arch,
            "weights_sha256": description.weights_sha256,
            "data_fingerprint": data_fingerprint,
        },
    )


def _answer(  # noqa: PLR0913 - as above
    network: nn.Module,
    data_set: DataSet,
    split: str,
    preprocessing: Preprocessing,
    *,
    photos_url: str,
    facts: Mapping[str, str],
) -> tuple[Answers, NDArray[np.float32]]:
    """Return what the network answers, and the features [N, F] that it sees."""
    photos: tuple[Photo, ...] = getattr(data_set, split)
    # Only a bucket's URL means anything elsewhere; a local folder is left out.
    prefix = f"{photos_url.rstrip('/')}/" if "://" in photos_url else ""
    seen = see(network, photos, preprocessing)
    answers = Answers(
        split=split,
        class_names=data_set.class_names,
        samples=tuple(prefix + _relative(photo.path, data_set) for photo in photos),
        labels=np.array([photo.label for photo in photos]),
        probabilities=seen.probabilities,
        features=measure_photos(photos),
        facts={**facts, "preprocessing": str(preprocessing)},
    )
    return answers, seen.features


def _write_evaluation(
    folder: Path, answers: Answers, paths: list[Path], data_set: DataSet
) -> Metrics:
    metrics = measure(answers.probabilities, answers.labels.tolist(), answers.class_names)
    content = {
        "split": answers.split,
        "class_names": answers.class_names,
        **dataclasses.asdict(metrics),
        "photos": [
            {
                "path": _relative(path, data_set),
                "actual": answers.class_names[label],
                "predicted": answers.class_names[int(row.argmax())],
                "probabilities": [round(float(p), 6) for p in row],
            }
            for path, label, row in zip(paths, answers.labels, answers.probabilities, strict=True)
        ],
    }
    write_text(folder / EVALUATION_JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / EVALUATION_MARKDOWN, _markdown(answers.split, metrics))
    return metrics


def _relative(path: Path, data_set: DataSet) -> str:
    return path.relative_to(data_set.root).as_posix()


def _markdown(split: str, metrics: Metrics) -> str:
    return (
        f"# Evaluation on the {split} photos\n\n{accuracy_sentence(metrics)}\n\n"
        f"{per_class_table(metrics)}\n"
        f"Confusion matrix (rows: actual, columns: predicted):\n\n{confusion_table(metrics)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the evaluation; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluation.evaluate",
        description="Evaluate a trained model.",
        allow_abbrev=False,
    )
    add_urls(parser, "data_url", "train_url", "eval_url")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options.train_url, options.data_url, options.eval_url))


def _run(train_url: str, data_url: str, eval_url: str) -> None:
    with output(eval_url) as evaluation:
        model_root = local_path(train_url, skip=(CHECKPOINT_FILE,))
        evaluate_folder(model_root, local_path(data_url), evaluation.folder, photos_url=data_url)


if __name__ == "__main__":
    sys.exit(main())
