"""`python -m train.evaluate`: what a model folder's weights make of a data set, as files.

For each split, `evaluation.json` (with the probabilities of every photo) and `evaluation.md` go to
`analysis-train` and `analysis-val`, the folders of the original's evaluation.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
from typing import TYPE_CHECKING

from classifier.description import DESCRIPTION_FILE, Preprocessing, read_description
from classifier.labels import LABELS_FILE, read_labels
from classifier.network import load_resnet
from train.check import check_data_set
from train.cli import add_urls, run_command
from train.data_set import SPLITS
from train.errors import DataError
from train.files import write_text
from train.markdown import accuracy_sentence, confusion_table, per_class_table
from train.metrics import Metrics, measure
from train.predict import choose_device, predict
from train.urls import local_path

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torchvision.models import ResNet

    from train.data_set import DataSet, Photo

EVALUATION_JSON, EVALUATION_MARKDOWN = "evaluation.json", "evaluation.md"
logger = logging.getLogger(__name__)


def evaluate(
    resnet: ResNet, data_set: DataSet, preprocessing: Preprocessing, eval_root: Path
) -> dict[str, Metrics]:
    """Evaluate a network on both splits and write the files; return the metrics by split."""
    return {
        split: _evaluate_split(
            resnet, data_set, split, preprocessing, eval_root / f"analysis-{split}"
        )
        for split in SPLITS
    }


def evaluate_folder(model_root: Path, data_root: Path, eval_root: Path) -> dict[str, Metrics]:
    """Evaluate the model of a folder such as `artifacts` or `pretrained`.

    Raises:
        DataError: The data set is unfit, or has other classes than the model.
        classifier.errors.ModelError: The model's files are missing or damaged.
    """
    description = read_description(model_root / DESCRIPTION_FILE)
    class_names = read_labels(model_root / LABELS_FILE)
    data_set, _ = check_data_set(data_root)
    if data_set.class_names != class_names:
        raise DataError(
            f"{data_root} has the classes {', '.join(data_set.class_names)}, "
            f"the model in {model_root} knows {', '.join(class_names)}: "
            "evaluate it on photos of its own classes"
        )
    resnet = load_resnet(model_root / description.weights_file, description.arch, len(class_names))
    return evaluate(resnet.to(choose_device()), data_set, description.preprocessing, eval_root)


def _evaluate_split(
    resnet: ResNet, data_set: DataSet, split: str, preprocessing: Preprocessing, folder: Path
) -> Metrics:
    photos: tuple[Photo, ...] = getattr(data_set, split)
    probabilities = predict(resnet, photos, preprocessing)
    metrics = measure(probabilities, [photo.label for photo in photos], data_set.class_names)
    content = {
        "split": split,
        "class_names": data_set.class_names,
        **dataclasses.asdict(metrics),
        "photos": _photo_records(data_set, photos, probabilities),
    }
    write_text(folder / EVALUATION_JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / EVALUATION_MARKDOWN, _markdown(split, metrics))
    logger.info("%s: %s", split, accuracy_sentence(metrics))
    return metrics


def _photo_records(
    data_set: DataSet, photos: tuple[Photo, ...], probabilities: NDArray[np.float32]
) -> list[dict[str, object]]:
    return [
        {
            "path": photo.path.relative_to(data_set.root).as_posix(),
            "actual": data_set.class_names[photo.label],
            "predicted": data_set.class_names[int(row.argmax())],
            "probabilities": [round(float(p), 6) for p in row],
        }
        for photo, row in zip(photos, probabilities, strict=True)
    ]


def _markdown(split: str, metrics: Metrics) -> str:
    return (
        f"# Evaluation on the {split} photos\n\n{accuracy_sentence(metrics)}\n\n"
        f"{per_class_table(metrics)}\n"
        f"Confusion matrix (rows: actual, columns: predicted):\n\n{confusion_table(metrics)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the evaluation; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.evaluate", description="Evaluate a trained model.", allow_abbrev=False
    )
    add_urls(parser, "data_url", "train_url", "eval_url")
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options.train_url, options.data_url, options.eval_url))


def _run(train_url: str, data_url: str, eval_url: str) -> None:
    evaluate_folder(local_path(train_url), local_path(data_url), local_path(eval_url))


if __name__ == "__main__":
    sys.exit(main())
