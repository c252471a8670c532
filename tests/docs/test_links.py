"""Links and paths exist, and no picture is unused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, ROOT, inline_code, name_of, prose

if TYPE_CHECKING:
    from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*")
# Folders of the repository that a path in backticks may begin with; others are produced, or those
# of a bucket.
SOURCES = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {
    *("config", "deploy", "docs", "handler", "pretrained")
}


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_of_the_repository_are_there(page: Path) -> None:
    for path in filter(_PATH.fullmatch, inline_code(page)):
        assert path.partition("/")[0] not in SOURCES or (ROOT / path).exists(), path


def test_every_picture_is_shown_or_used() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (ROOT / "docs").rglob("*.png"):
        assert picture.name in texts, picture
