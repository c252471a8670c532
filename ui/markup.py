"""Renders the parts of the page that show results; escapes all external text.

The tabs choose what to show.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ui.texts import percent, say

_FOLDER = Path(__file__).with_name("templates")
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, language: str, **values: Any) -> str:
    """Render ``templates/<template>.html.jinja``; in it, ``say`` and ``percent`` speak it."""
    page = _ENVIRONMENT.get_template(f"{template}.html.jinja")
    return page.render(
        say=functools.partial(say, language),
        percent=functools.partial(percent, language=language),
        **values,
    )
