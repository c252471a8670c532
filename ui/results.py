"""The answers for many photos: as a table on the page, and as a CSV file.

`ui.detail` shows one photo in detail.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from client.commands.csv_file import write_csv
from client.errors import ClientError
from ui.markup import render
from ui.pictures import THUMBNAIL, data_uri, shown
from ui.texts import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.asking import Outcome


def table_html(outcomes: Sequence[Outcome], language: str, labels: Sequence[str] = ()) -> str:
    """Show one line per photo; nothing for a single one.

    Args:
        outcomes: The photos and their answers.
        language: "en" or "zh".
        labels: The model's classes, to choose the right one from; those of the answers if unknown.
    """
    if len(outcomes) < 2:  # noqa: PLR2004
        return ""
    rows = [
        (thumbnail(outcome), outcome, isinstance(outcome.result, ClientError))
        for outcome in outcomes
    ]
    given = [one.result for one in outcomes if not isinstance(one.result, ClientError)]
    answers = sorted({result.label for result in given})
    return render(
        "table",
        language,
        rows=rows,
        answered=len(given),
        answers=answers,
        labels=sorted(labels) or answers,
    )


def thumbnail(outcome: Outcome) -> str:
    """Return a small picture as a URI; empty for a file that the server or Pillow refuses."""
    if isinstance(outcome.result, ClientError):
        return ""
    try:
        return data_uri(shown(outcome.path, THUMBNAIL))
    except OSError:
        return ""


def choices(outcomes: Sequence[Outcome], language: str) -> list[tuple[str, int]]:
    """Label each photo with its answer, for a list to choose from."""
    return [
        (f"{index + 1} · {_words(outcome, language)}", index)
        for index, outcome in enumerate(outcomes)
    ]


def csv_file(outcomes: Sequence[Outcome]) -> Path:
    """Write the answers to a new CSV file."""
    path = Path(tempfile.mkdtemp()) / "predictions.csv"
    write_csv(path, [(outcome.name, outcome.result) for outcome in outcomes])
    return path


def first_answered(outcomes: Sequence[Outcome]) -> int:
    """Return the place of the first photo that was classified; 0 if none was."""
    places = range(len(outcomes))
    return next((i for i in places if not isinstance(outcomes[i].result, ClientError)), 0)


def _words(outcome: Outcome, language: str) -> str:
    if isinstance(outcome.result, ClientError):
        return f"{outcome.name} — ✗"
    return (
        f"{outcome.name} — {outcome.result.label} {percent(outcome.result.probability, language)}"
    )
