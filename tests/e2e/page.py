"""The migration page: its blocks of code, by language."""

from __future__ import annotations

import re

from tests.e2e.served import ROOT

PAGE = ROOT / "docs" / "migrating-from-modelarts.md"


def blocks(language: str) -> list[str]:
    """Return the contents of the page's fenced blocks of a language, in order."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
