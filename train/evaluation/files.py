"""Writes an evaluation as files, in the original's folders: `analysis-train` and `analysis-val`.

In each, `evaluation.json` (with the probabilities of every photo) and `evaluation.md` are beside
the files of `train.evaluation.report` and the page that shows them.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import TYPE_CHECKING, Any

from storage.files import write_text
from train.evaluation.features import measure_photos
from train.evaluation.figures import Answers
from train.evaluation.report.folder import write_analysis
from train.evaluation.report.page import PAGE_FILE
from train.evaluation.suspects import SUSPECTS_FILE, find_suspects, write_suspects
from train.markdown import accuracy_sentence, confusion_table, per_class_table

if TYPE_CHECKING:
    from pathlib import Path

    from train.evaluation.evaluate import Evaluated, Evaluation

EVALUATION_JSON, EVALUATION_MARKDOWN = "evaluation.json", "evaluation.md"
logger = logging.getLogger(__name__)


def write_evaluation(eval_root: Path, evaluation: Evaluation, *, photos_url: str = "") -> None:
    """Write the files of both splits.

    Args:
        eval_root: Parent folder of the two.
        evaluation: The results to write.
        photos_url: The bucket's folder of the photos, by which ModelArts' console finds them.
    """
    for split, found in evaluation.splits.items():
        folder = eval_root / f"analysis-{split}"
        paths = [photo.path for photo in found.photos]
        names = [path.relative_to(evaluation.data_set.root).as_posix() for path in paths]
        content = json.dumps(_content(split, found, names), ensure_ascii=False, indent=1)
        write_text(folder / EVALUATION_JSON, content + "\n")
        suspects = find_suspects(found.probabilities, found.labels)
        write_suspects(folder, suspects, names, evaluation.data_set.class_names)
        if suspects:
            logger.info("%s: %d suspect labels, in %s", split, len(suspects), SUSPECTS_FILE)
        write_text(folder / EVALUATION_MARKDOWN, _markdown(split, found, len(suspects)))
        # Only a bucket's URL has a meaning elsewhere; a local folder is left out.
        prefix = f"{photos_url.rstrip('/')}/" if "://" in photos_url else ""
        answers = _answers(split, evaluation, tuple(prefix + name for name in names))
        network, preprocessing = evaluation.network, evaluation.preprocessing
        write_analysis(folder, answers, paths, network, preprocessing, suspects=suspects)
        logger.info("wrote %s", folder / PAGE_FILE)


def _answers(split: str, evaluation: Evaluation, samples: tuple[str, ...]) -> Answers:
    found = evaluation.splits[split]
    return Answers(
        split=split,
        class_names=evaluation.data_set.class_names,
        samples=samples,
        labels=found.labels,
        probabilities=found.probabilities,
        features=measure_photos(found.photos),
        facts={**evaluation.facts, "preprocessing": str(evaluation.preprocessing)},
    )


def _content(split: str, found: Evaluated, names: list[str]) -> dict[str, Any]:
    class_names = [one.name for one in found.metrics.per_class]
    return {
        "split": split,
        "class_names": class_names,
        **dataclasses.asdict(found.metrics),
        "cautions": found.cautions,
        "photos": [
            {
                "path": name,
                "actual": class_names[photo.label],
                "predicted": class_names[int(row.argmax())],
                "probabilities": [round(float(p), 6) for p in row],
            }
            for name, photo, row in zip(names, found.photos, found.probabilities, strict=True)
        ],
    }


def _markdown(split: str, found: Evaluated, suspects: int) -> str:
    sentences = "\n".join([accuracy_sentence(found.metrics), *found.cautions])
    return (
        f"# Evaluation on the {split} photos\n\n{sentences}\n\n"
        f"{per_class_table(found.metrics)}\n"
        f"Confusion matrix (rows: actual, columns: predicted):\n\n{confusion_table(found.metrics)}"
        f"\nSuspect labels: {suspects}, in `{SUSPECTS_FILE}`; `gallery/` and the page "
        "show the first of them.\n"
    )
