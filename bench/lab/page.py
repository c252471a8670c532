"""Writes generated sections of a documentation page, and the raw figures beside it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from bench.lab.errors import Unusable
from storage.files import write_text

if TYPE_CHECKING:
    from pathlib import Path


def write_section(page: Path, name: str, text: str, figures: Any) -> None:
    """Replace one part of a page, and one entry of the JSON file beside it.

    Args:
        page: Markdown, with the lines `<!-- name -->` and `<!-- end of name -->`.
        name: Name of the part and of the entry.
        text: What to put between the two lines.
        figures: The figures that the text was made from.

    Raises:
        Unusable: The page has no such part.
    """
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
    replaced, count = pattern.subn(
        lambda found: found[1] + text + found[2], page.read_text("utf-8")
    )
    if count != 1:
        raise Unusable(f"{page}: expected <!-- {name} --> ... <!-- end of {name} --> once")
    raw = page.with_suffix(".json")
    entries = json.loads(raw.read_text("utf-8")) if raw.is_file() else {}
    write_text(raw, json.dumps(entries | {name: figures}, indent=1) + "\n")
    write_text(page, replaced)
