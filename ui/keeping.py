"""What the page says after the corrected photos were saved: where they are, how to train with them.

`ui.corrections` saves them.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ui.corrections import keep_corrected
from ui.markup import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ui.asking import Answer


def keep_html(answer: Answer | None, marks: Mapping[str, str], folder: Path, language: str) -> str:
    """Save the photos that were marked, and say where they are and how to train with them."""
    outcomes = answer.outcomes if answer else ()
    chosen = {int(index): label for index, label in marks.items() if int(index) < len(outcomes)}
    try:
        found = keep_corrected(outcomes, chosen, folder)
    except (OSError, ValueError) as error:
        return render("not_kept", language, reason=str(error))
    each = ", ".join(f"{label} {count}" for label, count in sorted(found.classes.items()))
    command = f"cp -r {shlex.quote(str(folder))}/. data_set/train/ && make train"
    return render("kept", language, count=len(chosen), folder=folder, each=each, command=command)
