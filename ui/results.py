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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.asking import Outcome


def table_html(outcomes: Sequence[Outcome], language: str) -> str:
    """Show one line per photo; nothing for a single one."""
    if len(outcomes) < 2:  # noqa: PLR2004
        return ""
    rows = [
        (thumbnail(outcome), outcome, isinstance(outcome.result, ClientError))
        for outcome in outcomes
    ]
    answered = sum(not failed for _, _, failed in rows)
    return render("table", language, rows=rows, answered=answered)


def thumbnail(outcome: Outcome) -> str:
    """Return a small picture as a URI; empty for a file that the server or Pillow refuses."""
    if isinstance(outcome.result, ClientError):
        return ""
    try:
        return data_uri(shown(outcome.path, THUMBNAIL))
    except OSError:
        return ""


def choices(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """Label each photo with its answer, for a list to choose from."""
    return [(f"{index + 1} · {_words(outcome)}", index) for index, outcome in enumerate(outcomes)]


def csv_file(outcomes: Sequence[Outcome]) -> Path:
    """Write the answers to a new CSV file."""
    path = Path(tempfile.mkdtemp(prefix="marigold-ui-")) / "predictions.csv"
    write_csv(path, [(outcome.name, outcome.result) for outcome in outcomes])
    return path


def _words(outcome: Outcome) -> str:
    if isinstance(outcome.result, ClientError):
        return f"{outcome.name} — ✗"
    return f"{outcome.name} — {outcome.result.label} {outcome.result.probability:.0%}"
