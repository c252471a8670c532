"""The evaluation's sentences in both languages, from `texts.toml`."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("texts.toml")


@functools.cache
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Read the texts: group to key to language to text."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Voice:
    """The texts of one language, such as "zh-cn"."""

    language: str

    def say(self, group: str, key: str, **values: object) -> str:
        """Return a text with its {names} filled in."""
        return catalogue()[group][key][self.language].format(**values)

    def label(self, key: str) -> str:
        """Return the label for a key of the files; the key itself if it is unknown."""
        texts = catalogue()["labels"].get(key)
        return texts[self.language] if texts else key
