"""`python -m bench.quality`: how right, how sure and how robust the served model is.

Everything is asked of a running server, so the figures are those of the archive as it is served:
its precision, its decoding, its calibration. Speed is the matter of `python -m bench`.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.damage import DAMAGES
from bench.errors import BenchError
from classifier.errors import ClassifierError
from client.addresses import addresses_from
from client.errors import ClientError
from client.inference import InferenceClient
from client.management import ManagementClient
from client.tokens import find_tokens
from train.analysis.curves import calibrate
from train.check import check_data_set
from train.data_set import read_image
from train.errors import TrainError
from train.files import write_text
from train.markdown import percent, table
from train.metrics import Metrics, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_CONCURRENCY = 4
_UNHARMED = "as they are"
_DRAWS = 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print or write the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality", description="Quality of a served model.", allow_abbrev=False
    )
    parser.add_argument("--server", default="http://127.0.0.1:8080", help="the inference API")
    parser.add_argument("--run-dir", type=Path, default=Path("run"), help="folder of key_file.json")
    parser.add_argument("--model", default="flowers", help="name of the model")
    parser.add_argument("--data-url", type=Path, required=True, help="data set; its val is used")
    parser.add_argument("--others", type=Path, help="folder of pictures of none of the classes")
    parser.add_argument("--output", type=Path, help="Markdown file; a JSON file is put beside it")
    options = parser.parse_args(arguments)
    try:
        content = _measure(options)
    except (BenchError, ClassifierError, ClientError, TrainError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text = _markdown(content)
    print(text, end="")
    if options.output:
        write_text(options.output, text)
        write_text(options.output.with_suffix(".json"), json.dumps(content, indent=1) + "\n")
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    addresses = addresses_from(options.server)
    tokens = find_tokens(options.run_dir, addresses.management)
    client = InferenceClient(addresses.inference, options.model, tokens=tokens)
    management = ManagementClient(addresses.management, tokens=tokens)
    model = management.describe(options.model, customized=True).metadata
    if model is None or model["top_k"] < len(model["labels"]):
        raise BenchError(
            "the server must tell the probability of every class: "
            "set top_k in config/model-config.yaml to the number of classes"
        )
    data_set, fingerprint = check_data_set(options.data_url)
    labels = [photo.label for photo in data_set.val]
    images = [read_image(photo.path).convert("RGB") for photo in data_set.val]
    ask = partial(_ask, client, data_set.class_names)
    plain = ask(photo.path.read_bytes() for photo in data_set.val)
    # TorchServe leaves out what is null: a model that was never measured rejects nothing.
    threshold = model.get("reject_below", 0.0)
    conditions = {_UNHARMED: plain} | {
        name: ask(map(damage, images)) for name, damage in DAMAGES.items()
    }
    others = sorted(path for path in options.others.iterdir()) if options.others else []
    return {
        "labels": model["labels"],
        "runtime": model["runtime"],
        "weights_sha256": model["weights_sha256"],
        "data_fingerprint": fingerprint,
        "temperature": model["temperature"],
        "reject_below": threshold,
        "conditions": {
            name: _figures(measure(answers, labels, data_set.class_names), answers, threshold)
            for name, answers in conditions.items()
        },
        "calibration_error_if_perfect": _error_if_perfect(plain),
        "others": {
            path.name: float(answer.max())
            for path, answer in zip(others, ask(path.read_bytes() for path in others), strict=True)
        },
    }


def _ask(
    client: InferenceClient, class_names: Sequence[str], files: Iterable[bytes]
) -> NDArray[np.float32]:
    """Ask the server for the probabilities [N, C] of image files."""
    with ThreadPoolExecutor(_CONCURRENCY) as pool:
        answers = [dict(prediction.scores) for prediction in pool.map(client.predict, files)]
    rows = [[answer[name] for name in class_names] for answer in answers]
    return np.array(rows, dtype=np.float32).reshape(len(answers), len(class_names))


def _error_if_perfect(probabilities: NDArray[np.float32]) -> dict[str, float]:
    """Return the calibration error that so few photos show even if every probability is true.

    The actual classes are drawn from the probabilities [N, C] themselves, again and again.
    """
    rng = np.random.default_rng(0)
    ends = probabilities.cumsum(axis=1)[:, :-1]  # [N, C - 1]
    errors = [
        calibrate(probabilities, (ends < rng.random((len(ends), 1))).sum(axis=1)).expected_error
        for _ in range(_DRAWS)
    ]
    low, mean, high = np.quantile(errors, 0.1), np.mean(errors), np.quantile(errors, 0.9)
    return {"p10": float(low), "mean": float(mean), "p90": float(high)}


def _figures(
    metrics: Metrics, answers: NDArray[np.float32], threshold: float
) -> dict[str, float | tuple[float, float]]:
    return {
        "images": metrics.images,
        "accuracy": metrics.accuracy,
        "accuracy_ci95": metrics.accuracy_ci95,
        "calibration_error": metrics.calibration_error,
        "rejected": float((answers.max(axis=1) < threshold).mean()),
    }


def _markdown(content: dict[str, Any]) -> str:
    conditions, others = content["conditions"], content["others"]
    perfect = content["calibration_error_if_perfect"]
    rows = [
        (
            name,
            percent(figures["accuracy"]),
            "{} to {}".format(*(percent(end) for end in figures["accuracy_ci95"])),
            f"{figures['calibration_error']:.3f}",
            percent(figures["rejected"]),
        )
        for name, figures in conditions.items()
    ]
    header = ("photos", "accuracy", "95 % interval", "calibration error", "rejected")
    images = conditions[_UNHARMED]["images"]
    text = f"""# Quality of the served model

Measured through a running server (`{content["runtime"]}`) on the {images} validation photos,
by `python -m bench.quality`.
The weights have the SHA-256 `{content["weights_sha256"][:16]}...`.
The calibration error is the expected one over 15 bins, 0 to 1.
So few photos show one even if every probability is true: {perfect["mean"]:.3f} on average
({perfect["p10"]:.3f} to {perfect["p90"]:.3f} in 80 % of draws), found by drawing classes from the
probabilities.
Rejected are photos whose best probability is below {content["reject_below"]:.3f}
(`reject_below`, fitted so that 5 % of the validation photos are).

{table(header, rows)}"""
    if others:
        caught = [name for name, best in others.items() if best < content["reject_below"]]
        missed = sorted(others.keys() - set(caught), key=others.__getitem__, reverse=True)
        text += f"""
Of {len(others)} pictures that show none of the classes, {len(caught)} are rejected
({percent(len(caught) / len(others))}).
Not rejected, the surest first: {", ".join(f"{n} ({others[n]:.2f})" for n in missed) or "none"}.
"""
    return text


if __name__ == "__main__":
    sys.exit(main())
