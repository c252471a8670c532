"""Handles unknown arguments: a platform's are ignored, likely typos of ours are refused."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Other programs' names for settings of the recipe, including those of ModelArts' own algorithms.
_OTHER_NAMES = {"learning_rate": "lr", "num_epochs": "epochs", "max_epochs": "epochs"}
_CLOSE = 0.8  # "resmue" and "resume" score 0.83, "test_url" and "train_url" 0.71


def misspelt(
    unknown: Iterable[str], options: Collection[str], settings: Collection[str]
) -> str | None:
    """Return a message about the first argument that looks like a typo of ours, or None.

    Args:
        unknown: Words of the command line that belong to no option.
        options: Names of our own options, without dashes.
        settings: Names of the recipe's settings.
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
