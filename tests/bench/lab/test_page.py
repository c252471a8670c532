"""Writing the generated sections of a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bench.lab.errors import Unusable
from bench.lab.page import write_section

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "# Page\n\n<!-- a -->\nold\n<!-- end of a -->\n\n<!-- b -->\n<!-- end of b -->\nthe end\n"


def test_a_part_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(TEXT)
    write_section(page, "a", "new\\1\n", {"x": 1})
    write_section(page, "b", "more\n", {"y": 2})
    assert page.read_text() == (
        "# Page\n\n<!-- a -->\nnew\\1\n<!-- end of a -->\n\n"
        "<!-- b -->\nmore\n<!-- end of b -->\nthe end\n"
    )
    assert json.loads((tmp_path / "page.json").read_text()) == {"a": {"x": 1}, "b": {"y": 2}}


def test_a_page_without_the_part_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(TEXT)
    with pytest.raises(Unusable, match="<!-- c -->"):
        write_section(page, "c", "new\n", {})
    assert page.read_text() == TEXT
    assert not (tmp_path / "page.json").exists()
