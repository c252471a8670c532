"""Answers as a CSV file: file, label, probability, error, then every class."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from client.errors import ClientError, LocalFileError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from client.api.predictions import Prediction


def write_csv(path: Path, answers: Sequence[tuple[str, Prediction | ClientError]]) -> None:
    """Write one line a file.

    Args:
        path: The file to write.
        answers: The name of each file, with its answer.

    Raises:
        LocalFileError: It cannot be written.
    """
    classes = sorted({name for _, answer in answers for name in _scores(answer)})
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:  # Excel needs the BOM
            writer = csv.writer(file)
            writer.writerow(["file", "label", "probability", "error", *classes])
            for name, answer in answers:
                scores = _scores(answer)
                best = max(scores, key=scores.__getitem__, default="")
                error = "" if scores else str(answer)
                row = [name, best, scores.get(best, ""), error]
                writer.writerow(row + [scores.get(each, "") for each in classes])
    except OSError as error:
        raise LocalFileError(f"cannot write {path}: {error.strerror}") from error


def _scores(answer: Prediction | ClientError) -> dict[str, float]:
    return {} if isinstance(answer, ClientError) else dict(answer.scores)
