"""Arguments that are not ours: a platform's are ignored, what may be meant for us is refused."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# As other trainings call a setting of the recipe, ModelArts' own algorithms among them.
_OTHER_NAMES = {"learning_rate": "lr", "num_epochs": "epochs", "max_epochs": "epochs"}
_CLOSE = 0.8  # "resmue" and "resume" are at 0.83, "test_url" and "train_url" at 0.71


def misspelt(
    unknown: Iterable[str], options: Collection[str], settings: Collection[str]
) -> str | None:
    """Say what the first argument that may be meant for us should be, or None.

    Args:
        unknown: Words of the command line that no option has taken.
        options: Our own, without dashes.
        settings: Names of the recipe's.
    """
    for word in unknown:
        if not word.startswith("-"):
            continue  # a value
        name = word.lstrip("-").partition("=")[0].replace("-", "_")
        name = _OTHER_NAMES.get(name, name)
        if name in settings:
            return f"{word}: {name} is a setting of the recipe; write --set {name}=..."
        if close := difflib.get_close_matches(name, [*options, *settings], n=1, cutoff=_CLOSE):
            meant = f"--{close[0]}" if close[0] in options else f"--set {close[0]}=..."
            return f"unknown argument {word}; did you mean {meant}?"
    return None
