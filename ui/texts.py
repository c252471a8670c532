"""The page's texts in both languages, from `texts.toml`."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

_FILE = Path(__file__).with_name("texts.toml")
# Name in the language itself: its key in `texts.toml`.
LANGUAGES = {"English": "en", "中文": "zh"}


@functools.cache
def catalogue() -> dict[str, dict[str, dict[str, str]]]:
    """Read the texts: group to key to language to text."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def say(language: str, name: str, /, **values: object) -> str:
    """Return a text with its {placeholders} filled in.

    Args:
        language: "en" or "zh".
        name: Group and key, such as "facts.version".
        values: What to fill in.
    """
    group, _, key = name.partition(".")
    return catalogue()[group][key][language].format(**values)


def percent(share: float, language: str) -> str:
    """Format a share of 0..1, as everywhere on the page: "91.8 %", in Chinese "91.8%"."""
    return f"{100 * share:.1f}{'%' if language == 'zh' else ' %'}"
