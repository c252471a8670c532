"""Reads TorchServe's `config.properties`; of a name that stands twice, the last value counts."""

from __future__ import annotations

import re


def get_properties(text: str) -> dict[str, str]:
    """Return the values of a `config.properties`."""
    pairs = (line.split("=", 1) for line in text.splitlines() if re.match(r"^\w+=", line))
    return {pair[0]: pair[1] for pair in pairs}
