"""Compares the evaluations of two models on the same photos, and writes what comes of it.

`certainty.paired` says which is better, and whether that could be chance.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from certainty.paired import pair_up
from storage.files import write_text
from train.errors import DataError
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from certainty.paired import Paired
    from train.evaluation.evaluate import Evaluation

COMPARISON_JSON, COMPARISON_MARKDOWN = "comparison.json", "comparison.md"
logger = logging.getLogger(__name__)


def compare_evaluations(first: Evaluation, second: Evaluation) -> dict[str, Paired]:
    """Compare what two models made of the same photos, by split.

    Raises:
        DataError: They are of other photos.
    """
    compared = {}
    for split, found in first.splits.items():
        other = second.splits[split]
        if [photo.path for photo in found.photos] != [photo.path for photo in other.photos]:
            raise DataError(f"the two evaluations are of other {split} photos")
        compared[split] = pair_up(found.right, other.right)
        logger.info("%s: %s", split, compared[split])
    return compared


def write_comparison(folder: Path, names: Sequence[str], comparisons: dict[str, Paired]) -> None:
    """Write a comparison of two models, by their names, for programs and for people."""
    content = {
        "models": list(names),
        "splits": {
            split: {
                **asdict(each),
                "difference": each.difference,
                "difference_ci95": each.interval,
                "p_value": each.p_value,
            }
            for split, each in comparisons.items()
        },
    }
    write_text(folder / COMPARISON_JSON, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    lines = "".join(
        f"- {split}: {percent(each.accuracies[0])} and {percent(each.accuracies[1])}; {each}.\n"
        for split, each in comparisons.items()
    )
    text = f"# Comparison\n\nThe first model: {names[0]}\nThe second model: {names[1]}\n\n{lines}"
    write_text(folder / COMPARISON_MARKDOWN, text)
