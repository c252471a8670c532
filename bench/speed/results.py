"""The raw results: one JSON file, written after every step so that a crash loses nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Results:
    """Results by step; steps with a result are not measured again.

    Args:
        path: The JSON file.
        resume: Keep the results of an earlier run.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self._path = path
        self.steps: dict[str, Any] = {}
        if resume and path.is_file():
            self.steps = json.loads(path.read_text(encoding="utf-8"))

    def step(self, name: str, measure: Callable[[], Any]) -> Any:
        """Return the result of a step; measures and writes it if it is missing."""
        if name not in self.steps:
            self.steps[name] = measure()
            self.save()
        return self.steps[name]

    def save(self) -> None:
        """Write the file; the old one stays until the new one is complete."""
        write_text(self._path, json.dumps(self.steps, indent=1, ensure_ascii=False) + "\n")
