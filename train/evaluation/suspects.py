"""Photos whose labels are probably wrong: the model is sure of another class.

Confident learning (Northcutt et al. 2021): a photo is suspect if another class is likelier for it
than that class is, on average, for the photos labelled so. Training photos have been learned with
their labels, so they are suspect less often than they should be.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SUSPECTS_FILE = "suspect_labels.csv"
_COLUMNS = ["path", "label", "suggested", "p_label", "p_suggested"]


@dataclass(frozen=True)
class Suspect:
    """A photo's index, its label, the class that the model takes it for, and how likely each is."""

    index: int
    label: int
    suggested: int
    label_probability: float
    suggested_probability: float


def find_suspects(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Suspect]:
    """Find suspect labels, the most suspect first.

    Args:
        probabilities: [N, C].
        labels: [N].
    """
    classes = range(probabilities.shape[1])
    # A class without photos has no usual probability: nothing is suspected to belong to it.
    usual = np.array(
        [
            probabilities[labels == name, name].mean() if (labels == name).any() else np.inf
            for name in classes
        ]
    )  # [C]
    best = probabilities.argmax(axis=1)  # [N]
    suspects = [
        Suspect(
            int(index),
            int(labels[index]),
            int(best[index]),
            float(probabilities[index, labels[index]]),
            float(probabilities[index, best[index]]),
        )
        for index in np.flatnonzero(best != labels)
        if probabilities[index, best[index]] >= usual[best[index]]
    ]
    return sorted(suspects, key=lambda one: one.label_probability - one.suggested_probability)


def write_suspects(
    folder: Path, suspects: Sequence[Suspect], names: Sequence[str], class_names: Sequence[str]
) -> None:
    """Write suspect labels as CSV: path, label, suggested class, the probability of each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in suspects:
        labels = class_names[one.label], class_names[one.suggested]
        shares = f"{one.label_probability:.4f}", f"{one.suggested_probability:.4f}"
        writer.writerow([names[one.index], *labels, *shares])
    write_text(folder / SUSPECTS_FILE, text.getvalue())


def read_suspects(folder: Path) -> list[Mapping[str, str]]:
    """Read the suspect labels in a folder, by column; none if there is no such file."""
    path = folder / SUSPECTS_FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader) if reader.fieldnames == _COLUMNS else []
