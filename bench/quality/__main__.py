"""`python -m bench.quality`: the served model's accuracy, calibration and robustness.

All answers come from a running server, so the figures are those of the archive as it is served: its
precision, its decoding, its calibration. `python -m bench` measures speed.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from bench.lab.errors import BenchError
from bench.quality.damage import DAMAGES
from bench.quality.page import CONFIDENCE, SIMILARITY, THRESHOLDS, UNHARMED, markdown
from classifier.description import DESCRIPTION_FILE, read_description
from classifier.errors import ClassifierError
from client.commands.server_options import add_server_options, connection_from
from client.errors import ClientError
from console.ending import exit_code_of
from storage.files import write_text
from train.data.check import check_data_set
from train.data.data_set import read_image
from train.errors import TrainError
from train.evaluation.curves import calibrate
from train.evaluation.metrics import measure
from train.model_url import model_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from client.api.inference import InferenceClient
    from client.connection import Connection
    from train.evaluation.metrics import Metrics

_CONCURRENCY = 4
_DRAWS = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print or write the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality",
        description="Quality of a served model.",
        allow_abbrev=False,
    )
    add_server_options(parser)
    parser.add_argument("--model-url", help="the model that should be served")
    parser.add_argument("--data-url", type=Path, required=True, help="data set; its `val` is used")
    parser.add_argument("--others", type=Path, help="folder of pictures of none of the classes")
    parser.add_argument("--output", type=Path, help="Markdown file; a JSON file is put beside it")
    options = parser.parse_args(arguments)
    connection = connection_from(options, parser)
    return exit_code_of(
        lambda: _run(connection, options), BenchError, ClassifierError, ClientError, TrainError
    )


def _run(connection: Connection, options: argparse.Namespace) -> None:
    content = _measure(connection, options)
    text = markdown(content)
    print(text, end="")
    if options.output:
        write_text(options.output, text)
        write_text(options.output.with_suffix(".json"), json.dumps(content, indent=1) + "\n")


class Asked(NamedTuple):
    """The server's answers to N image files.

    Attributes:
        probabilities: [N, C].
        scores: Scores for rejecting a picture, [N] each: the confidence, and, if the model has
            class means, the similarity to the nearest one.
    """

    probabilities: NDArray[np.float32]
    scores: dict[str, NDArray[np.float32]]


def _measure(connection: Connection, options: argparse.Namespace) -> dict[str, Any]:
    model = connection.management().describe(options.model, customized=True).metadata
    if model is None or model["top_k"] < len(model["labels"]):
        raise BenchError(
            "the server must return the probability of every class: "
            "set top_k in config/model-config.yaml to the number of classes"
        )
    if options.model_url:
        _check_model(options.model_url, model["weights_sha256"])
    data_set, fingerprint = check_data_set(options.data_url)
    labels = [photo.label for photo in data_set.val]
    images = [read_image(photo.path).convert("RGB") for photo in data_set.val]
    # TorchServe leaves out what is null: a model may have one of the two, or none.
    below = {score: model[name] for score, name in THRESHOLDS.items() if name in model}
    ask = partial(_ask, connection.inference(), data_set.class_names, SIMILARITY in below)
    plain = ask(photo.path.read_bytes() for photo in data_set.val)
    conditions = {UNHARMED: plain} | {
        name: ask(map(damage, images)) for name, damage in DAMAGES.items()
    }
    files = sorted(options.others.iterdir()) if options.others else []
    others = ask(path.read_bytes() for path in files)
    return {
        "labels": model["labels"],
        "runtime": model["runtime"],
        "weights_sha256": model["weights_sha256"],
        "data_fingerprint": fingerprint,
        "temperature": model["temperature"],
        "below": below,
        "conditions": {
            name: _figures(measure(asked.probabilities, labels, data_set.class_names))
            | {"rejected": _shares(asked, below)}
            for name, asked in conditions.items()
        },
        "calibration_error_if_perfect": _error_if_perfect(plain.probabilities),
        "others": {
            path.name: {score: float(values[index]) for score, values in others.scores.items()}
            for index, path in enumerate(files)
        },
        "others_rejected": _shares(others, below),
        "auroc": _separation(plain, others) if files else {},
    }


def _check_model(url: str, served_sha256: str) -> None:
    """Refuse to measure a model other than the named one."""
    expected = read_description(model_path(url) / DESCRIPTION_FILE).weights_sha256
    if served_sha256 != expected:
        raise BenchError(
            f"the server serves other weights ({served_sha256[:12]}) than those in {url} "
            f"({expected[:12]}): `make restart TRAIN_URL={url}` first"
        )


def _ask(
    client: InferenceClient, class_names: Sequence[str], explain: bool, files: Iterable[bytes]
) -> Asked:
    """Classify image files through the server; explanations give their similarity."""
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        contents = list(files)
        answers = [dict(prediction.scores) for prediction in pool.map(client.predict, contents)]
        explanations = list(pool.map(client.explain, contents if explain else []))
    rows = [[answer[name] for name in class_names] for answer in answers]
    probabilities = np.array(rows, dtype=np.float32).reshape(len(answers), len(class_names))
    scores = {CONFIDENCE: probabilities.max(axis=1)}
    if explain:
        similar = [explanation["similarity"] for explanation in explanations]
        scores[SIMILARITY] = np.array(similar, dtype=np.float32)
    return Asked(probabilities, scores)


def _shares(asked: Asked, below: dict[str, float]) -> dict[str, float]:
    """Return the share of the pictures that each score rejects."""
    if not len(asked.probabilities):
        return {}
    return {score: float((asked.scores[score] < end).mean()) for score, end in below.items()}


def _separation(known: Asked, others: Asked) -> dict[str, float]:
    """Return the area under the ROC curve by score: 1 if a threshold could separate all."""
    truth = [1] * len(known.probabilities) + [0] * len(others.probabilities)
    return {
        score: float(roc_auc_score(truth, np.concatenate([values, others.scores[score]])))
        for score, values in known.scores.items()
    }


def _error_if_perfect(probabilities: NDArray[np.float32]) -> dict[str, float]:
    """Return the calibration error of a perfectly calibrated model on so few photos.

    The actual classes are repeatedly drawn from the probabilities [N, C] themselves.
    """
    rng = np.random.default_rng(0)
    ends = probabilities.cumsum(axis=1)[:, :-1]  # [N, C - 1]
    errors = [
        calibrate(probabilities, (ends < rng.random((len(ends), 1))).sum(axis=1)).expected_error
        for _ in range(_DRAWS)
    ]
    low, mean, high = np.quantile(errors, 0.1), np.mean(errors), np.quantile(errors, 0.9)
    return {"p10": float(low), "mean": float(mean), "p90": float(high)}


def _figures(metrics: Metrics) -> dict[str, Any]:
    return {
        "images": metrics.images,
        "accuracy": metrics.accuracy,
        "accuracy_ci95": metrics.accuracy_ci95,
        "calibration_error": metrics.calibration_error,
    }


if __name__ == "__main__":
    sys.exit(main())
