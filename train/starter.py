"""`python -m train.starter`: exports a trained model as its network's starter in `pretrained/`.

Half precision halves the file; all its figures and reference answers are measured again with the
half-precision weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.architectures import file_name
from classifier.description import DESCRIPTION_FILE, sha256_of_file
from classifier.labels import LABELS_FILE
from classifier.network import read_state_dict
from classifier.reference import REFERENCE_FILE
from classifier.similarity import CLASS_MEANS_FILE
from console.tables import table
from storage.files import write_text
from train.cli import add_urls, run_command
from train.errors import UrlError
from train.evaluation.class_means import add_class_means
from train.evaluation.evaluate import evaluate_folder
from train.fit.weights import STARTERS
from train.markdown import (
    accuracy_sentence,
    calibration_sentence,
    confusion_table,
    per_class_table,
)
from train.model_folder import (
    describe,
    read_model,
    reference_answers,
    write_model_files,
    write_network,
)
from train.recipe import RECIPE_FILE, read_recipe, recipe_text
from train.training_report import REPORT_JSON
from train.urls import local_path

if TYPE_CHECKING:
    from classifier.description import ModelDescription
    from train.evaluation.evaluate import Evaluation
    from train.evaluation.metrics import Metrics
    from train.recipe import Recipe

MODEL_CARD = "README.md"
_FAILURES = 8  # named in the model card
logger = logging.getLogger(__name__)


def export(model_root: Path, data_root: Path, out: Path) -> Metrics:
    """Export a trained model; return the validation metrics of what was written.

    Args:
        model_root: Folder written by a training.
        data_root: The data set that it was trained on.
        out: Folder for the starter model.

    Raises:
        classifier.errors.ModelError: Files of the model are missing, damaged, or not those that
            the description is for.
    """
    trained, class_names, _ = read_model(model_root)
    recipe = read_recipe(model_root / RECIPE_FILE)
    state = read_state_dict(model_root / trained.weights_file)
    half = {key: v.half() if v.is_floating_point() else v for key, v in state.items()}

    path = out / file_name(trained.arch, ".safetensors")
    network, sha256 = write_network(
        path, half, trained.arch, len(class_names), trained.preprocessing.crop
    )
    description = dataclasses.replace(
        trained,
        weights_file=path.name,
        weights_sha256=sha256,
        class_means_sha256="",  # the file in `out` may be an earlier starter's
    )
    answers = reference_answers(network, trained.preprocessing)
    write_model_files(out, description, class_names, answers, recipe)
    evaluation = evaluate_folder(out, data_root)
    metrics = {split: found.metrics for split, found in evaluation.splits.items()}
    description = describe(description, metrics["val"])
    description = add_class_means(out, description, evaluation.splits)
    write_model_files(out, description, class_names, answers, recipe)
    report = json.loads((model_root / REPORT_JSON).read_text(encoding="utf-8"))
    write_text(out / MODEL_CARD, _model_card(out, description, metrics, report, evaluation))
    logger.info("wrote %s: %s", out, accuracy_sentence(metrics["val"]))
    return metrics["val"]


def _model_card(
    out: Path,
    description: ModelDescription,
    metrics: dict[str, Metrics],
    report: dict[str, Any],
    evaluation: Evaluation,
) -> str:
    val, train = metrics["val"], metrics["train"]
    recipe = read_recipe(out / RECIPE_FILE)
    short = description.arch.removeprefix("tf_")
    article = "An" if short[0] in "aeiou" else "A"
    resize, crop = description.preprocessing.resize, description.preprocessing.crop
    docs = "../docs" if out.resolve() == STARTERS["resnet34"] else "../../docs"
    files = (
        *(description.weights_file, CLASS_MEANS_FILE, LABELS_FILE),
        *(DESCRIPTION_FILE, REFERENCE_FILE, RECIPE_FILE),
    )
    hashes = [(name, f"`{sha256_of_file(out / name)}`") for name in files]
    return f"""# Model card: a starter model

{article} {short} that recognises {len(val.per_class)} kinds of flowers: {_names(val)}.
It lets you use the project before you train anything, and `init = "starter"` starts from it.
Serve it with `make archive serve ARCH={short}`.

## Figures

{accuracy_sentence(val)}
{calibration_sentence(val, report["calibration"])}
Measured with these half-precision weights, in fp32, on exactly the handler's pixels.
The handler resizes the short side to {resize} and takes a centre crop of {crop}.
The epoch was chosen on the same photos, so the figure is slightly optimistic for new ones.
On the {train.images:,} photos it was trained on, the accuracy is {100 * train.accuracy:.1f} %.

{per_class_table(val)}
Confusion matrix (rows: actual, columns: predicted):

{confusion_table(val)}
`openvino-int8/accuracy.json` has the figures of the int8 form.
[docs/quality.md]({docs}/quality.md) shows how `make quality` measures damaged photos and other
pictures through the server.

## Training

{_training(recipe, report)}

```toml
{recipe_text(recipe)}```

Data fingerprint (`train` and `val`, names and contents): `{description.data_fingerprint}`
Git revision: `{description.git_revision or "unknown"}`

## Data

The data are {train.images:,} training and {val.images:,} validation photos of tf_flowers.
They are TensorFlow's example images, shrunk to at most 256 px on the short side.
They are licensed CC-BY 2.0; the photographers are listed in the data set's `LICENSE.txt`.
The repository contains none of them.

## Limits

The model always answers with one of its {len(val.per_class)} classes, whatever the picture shows.
`reject_unknown` catches some pictures of other things (see [docs/quality.md]({docs}/quality.md)).
The photos are mostly close-ups from one photo-sharing site in the 2010s.
Expect lower accuracy on others, and measure it on your own photos before you rely on it.
{_worst_confusion(val)}

These are the validation photos that it gets wrong with the greatest confidence.
The report of `make evaluate` shows them with their class activation maps.

{_failures(evaluation)}
## Files

{table(("file", "SHA-256"), hashes, numbers=False)}"""


def _training(recipe: Recipe, report: dict[str, Any]) -> str:
    """Tell how the model was trained, and with which commands it is trained again."""
    config = f"config/{recipe.name}.toml"
    folder = STARTERS.get(recipe.arch, STARTERS["resnet34"])
    place = folder.relative_to(STARTERS["resnet34"].parent)
    lines = [
        f"python -m train --recipe {config} --train_url artifacts/{recipe.name}",
        f"python -m train.starter --train_url artifacts/{recipe.name}",
        f"python -m archive quantise --model {place} --data-url data_set",
    ]
    story = [
        "The model was trained with the recipe below, "
        + (
            f"from the one in `{recipe.init}`; the head of `{config}` says where that comes from."
            if "/" in recipe.init
            else "from ImageNet weights."
        ),
        _teacher(recipe),
        f"Epoch {report['best_epoch'] + 1} of {len(report['epochs'])} was kept.",
        f"The epochs took {report['epochs_s'] / 60:.0f} minutes on two busy CPU cores.",
    ]
    return "\n".join([*filter(None, story), "", "```bash", *lines, "```"])


def _teacher(recipe: Recipe) -> str:
    if recipe.teacher == "none":
        return ""
    if "/" in recipe.teacher:
        return f"Its teacher is the model in `{recipe.teacher.removeprefix('./')}`."
    return f"Its teacher is an {recipe.teacher} with ImageNet weights."


def _failures(evaluation: Evaluation) -> str:
    """List the wrong answers that the model is most confident about."""
    val, root = evaluation.splits["val"], evaluation.data_set.root
    predicted, surest = val.probabilities.argmax(axis=1), val.probabilities.max(axis=1)
    wrong = sorted(np.flatnonzero(predicted != val.labels), key=lambda index: -surest[index])
    rows = [
        (
            val.photos[index].path.relative_to(root).as_posix(),
            val.metrics.per_class[predicted[index]].name,
            f"{surest[index]:.2f}",
        )
        for index in wrong[:_FAILURES]
    ]
    return table(("photo", "predicted", "probability"), rows, numbers=False)


def _names(metrics: Metrics) -> str:
    return ", ".join(c.name for c in metrics.per_class)


def _worst_confusion(metrics: Metrics) -> str:
    count, actual, predicted = max(
        (count, metrics.per_class[i].name, metrics.per_class[j].name)
        for i, row in enumerate(metrics.confusion_matrix)
        for j, count in enumerate(row)
        if i != j
    )
    return f"Its most frequent mistake is to classify {actual} as {predicted} ({count} photos)."


def main(arguments: list[str] | None = None) -> int:
    """Export the starter model; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.starter", description="Export a starter model.", allow_abbrev=False
    )
    add_urls(parser, "data_url", "train_url")
    parser.add_argument(
        "--out", metavar="FOLDER", help="default: the place of its network's starter"
    )
    options = parser.parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    model = local_path(options.train_url)
    arch = read_recipe(model / RECIPE_FILE).arch
    if not options.out and arch not in STARTERS:
        raise UrlError(f"there is no starter {arch}: say with --out where to put it")
    export(model, local_path(options.data_url), Path(options.out or STARTERS[arch]))


if __name__ == "__main__":
    sys.exit(main())
