"""The report of a training: `report.json` for programs, `report.md` and a plot for people."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from classifier.description import DESCRIPTION_FILE, sha256_of_file
from classifier.labels import LABELS_FILE
from classifier.reference import REFERENCE_FILE
from console.tables import table
from storage.files import atomic_file, write_text
from train.data.data_set import TEST
from train.fit.monitor import plot_samples, summarise
from train.learning_curves import plot_learning_curves
from train.markdown import (
    accuracy_sentence,
    calibration_sentence,
    confusion_table,
    per_class_table,
    percent,
)
from train.provenance import versions
from train.recipe import RECIPE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from classifier.description import ModelDescription
    from train.data.data_set import DataSet
    from train.evaluation.calibration import TemperatureFit
    from train.evaluation.metrics import Metrics
    from train.fit.checkpoint import Progress
    from train.fit.monitor import Sample
    from train.recipe import Recipe

REPORT_JSON, REPORT_MARKDOWN = "report.json", "report.md"
CURVES_PLOT, RESOURCES_PLOT = "curves.png", "resources.png"


@dataclass(frozen=True)
class Outcome:
    """The results of a finished training.

    Attributes:
        description: Description of the written model.
        recipe: The recipe it was trained with.
        data_set: The photos it was trained on.
        progress: One record per epoch, and which of them was kept.
        metrics: By split, measured in fp32 on the handler's pixels.
        calibration: The fitted temperature; None if none was fitted.
        samples: Resources used since the last start of the job.
        run_time_s: Run time since then, by part, without the later upload to a bucket.
        cautions: Why the validation figures may mean little; each a sentence.
    """

    description: ModelDescription
    recipe: Recipe
    data_set: DataSet
    progress: Progress
    metrics: Mapping[str, Metrics]
    calibration: TemperatureFit | None
    samples: Sequence[Sample] = ()
    run_time_s: Mapping[str, float] = field(default_factory=dict)
    cautions: Sequence[str] = ()


def write_report(folder: Path, outcome: Outcome) -> None:
    """Write the report beside its model."""
    with atomic_file(folder / CURVES_PLOT) as temporary:
        plot_learning_curves(outcome.progress, temporary)
    with atomic_file(folder / RESOURCES_PLOT) as temporary:
        plot_samples(outcome.samples, temporary)
    content = _content(folder, outcome)
    write_text(folder / REPORT_JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / REPORT_MARKDOWN, _markdown(outcome, content))


def _content(folder: Path, outcome: Outcome) -> dict[str, Any]:
    progress, description = outcome.progress, outcome.description
    files = (description.weights_file, LABELS_FILE, DESCRIPTION_FILE, REFERENCE_FILE, RECIPE_FILE)
    return {
        "recipe": dataclasses.asdict(outcome.recipe),
        "metrics": {split: dataclasses.asdict(each) for split, each in outcome.metrics.items()},
        "calibration": outcome.calibration._asdict() if outcome.calibration else None,
        "best_epoch": progress.best_epoch,
        "epochs": [dataclasses.asdict(record) for record in progress.history],
        "cautions": list(outcome.cautions),
        "run_time_s": round(sum(outcome.run_time_s.values()), 1),
        "run_time_parts_s": {n: round(part, 1) for n, part in outcome.run_time_s.items()},
        "epochs_s": round(sum(record.seconds for record in progress.history), 1),
        "resources": summarise(outcome.samples),
        "data": {
            "fingerprint": description.data_fingerprint,
            "photos": {split: _count(outcome.data_set, split) for split in outcome.metrics},
            "near_duplicates": dict(outcome.data_set.near_duplicates),
        },
        "sha256": {name: sha256_of_file(folder / name) for name in files},
        "git_revision": description.git_revision,
        "versions": versions(),
    }


def _count(data_set: DataSet, split: str) -> dict[str, int]:
    counts = Counter(photo.label for photo in getattr(data_set, split))
    return {name: counts[label] for label, name in enumerate(data_set.class_names)}


def _markdown(outcome: Outcome, content: dict[str, Any]) -> str:
    val, train = outcome.metrics["val"], outcome.metrics["train"]
    headline = "\n".join([_headline(outcome.metrics), *outcome.cautions])
    resources = content["resources"].items()
    return f"""# Training report: {outcome.recipe.arch}, recipe `{outcome.recipe.name}`

{headline}
On the photos it was trained on, the accuracy is {percent(train.accuracy)}.
The weights are those of epoch {outcome.progress.best_epoch + 1}, chosen by the validation photos:
their figure is slightly optimistic for new ones.
{_near_duplicates(outcome.data_set.near_duplicates)}
{calibration_sentence(val, content["calibration"])}

{per_class_table(val)}
Confusion matrix (rows: actual, columns: predicted):

{confusion_table(val)}
## Epochs

![Loss and accuracies over the epochs]({CURVES_PLOT})

{table(("epoch", "crop", "loss", "train accuracy", "val accuracy", "seconds"), _epochs(outcome))}
The epochs took {content["epochs_s"] / 60:.1f} minutes.

## Run time

The job took {content["run_time_s"] / 60:.1f} minutes, since its last start.

{table(("part", "seconds"), content["run_time_parts_s"].items())}
![Use of CPU, memory and GPU over time]({RESOURCES_PLOT})

{table(("resource", "value"), resources)}
## Where it comes from

Data fingerprint: `{outcome.description.data_fingerprint}`
Git revision: `{outcome.description.git_revision or "unknown"}`

{table(("library", "version"), content["versions"].items(), numbers=False)}
{table(("file", "SHA-256"), content["sha256"].items(), numbers=False)}"""


def _headline(metrics: Mapping[str, Metrics]) -> str:
    """State the accuracy, first that on photos which have chosen nothing."""
    val = accuracy_sentence(metrics["val"])
    if TEST not in metrics:
        return f"On the validation photos: {val}"
    return (
        f"On the test photos, which chose nothing: {accuracy_sentence(metrics[TEST])}\n"
        f"On the validation photos: {val}"
    )


def _near_duplicates(counts: Mapping[str, int]) -> str:
    across = ", ".join(f"{n} {split} photos" for split, n in counts.items() if split != "groups")
    return (
        f"Near-duplicates: {counts.get('groups', 0)} groups of photos show the same; "
        f"{across or 'no photos'} show the same as a training photo."
    )


def _epochs(outcome: Outcome) -> list[tuple[object, ...]]:
    return [
        (
            record.epoch + 1,
            record.crop,
            f"{record.train_loss:.3f}",
            percent(record.train_accuracy),
            percent(record.val_accuracy),
            f"{record.seconds:.0f}",
        )
        for record in outcome.progress.history
    ]
