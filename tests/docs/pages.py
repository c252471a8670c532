"""The pages of the documentation, and the code in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / name / "README.md" for name in ("deploy", "pretrained")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_SHELLS = {"", "bash", "console", "sh", "shell"}


def name_of(page: Path) -> str:
    """Name a page for messages."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Return a page's text without its fenced blocks."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


def inline_code(page: Path) -> list[str]:
    """Return what stands in backticks."""
    return _INLINE.findall(prose(page))


def blocks(page: Path, language: str) -> list[str]:
    """Return the contents of the fenced blocks of a language."""
    found = CODE.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def command_lines(page: Path) -> Iterator[str]:
    """Yield the lines of shell blocks, without prompts and comments, and what is in backticks."""
    for language, text in CODE.findall(page.read_text(encoding="utf-8")):
        if language in _SHELLS:
            for line in text.replace("\\\n", " ").splitlines():
                yield re.sub(r"(^| +)# .*", "", line.removeprefix("$ "))
    yield from inline_code(page)
