"""The map in docs/architecture.md is the one that the imports are checked against."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT
from tests.test_imports import MAY_IMPORT


def test_the_table_of_parts_says_who_may_import_whom() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/.]+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE)
    told = {}
    for path, allowed in rows:
        name = path.rpartition("/")[2].removesuffix(".py")
        named = {word.partition(".")[0] for word in re.findall(r"`([\w.]+)`", allowed)}
        told[name] = (named & MAY_IMPORT.keys()) - {name}
    # The page says so in a sentence.
    assert told == {name: others - {"console"} for name, others in MAY_IMPORT.items()}
