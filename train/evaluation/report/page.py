"""The page `report.html`: one file that works offline, rendered from a results file alone.

The contents of a results file are untrusted: the templates escape all of them, and a content
security policy allows the page only its own script and style.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from storage.files import write_text
from train.evaluation.report import charts
from train.evaluation.report.gallery import MISTAKES, SUSPECTS, read_gallery
from train.evaluation.report.grammar import LANGUAGES, read_results
from train.evaluation.report.texts import Voice
from train.evaluation.report.view import build_view
from train.evaluation.suspects import read_suspects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from train.evaluation.report.gallery import Pictures
    from train.evaluation.report.grammar import Json

PAGE_FILE = "report.html"
_TEMPLATES = Path(__file__).with_name("templates")
HTML_LANGUAGES = {"en-us": "en", "zh-cn": "zh-CN"}


def write_page(results_file: Path, output: Path | None = None) -> Path:
    """Render a results file, and the galleries beside it, to a page; return its path.

    Raises:
        AnalysisError: The file breaks the grammar.
    """
    output = output or results_file.with_name(PAGE_FILE)
    folder = results_file.parent
    pictures = tuple(read_gallery(folder, MISTAKES))
    # The first ones have pictures; the CSV file has them all.
    suspects = tuple(zip(read_suspects(folder), read_gallery(folder, SUSPECTS), strict=False))
    name = f"{results_file.resolve().parent.name}/{results_file.name}"
    write_text(output, render(read_results(results_file), pictures, name, suspects))
    return output


def render(
    results: Json,
    pictures: Sequence[Pictures],
    name: str,
    suspects: Sequence[tuple[Mapping[str, str], Pictures]] = (),
) -> str:
    """Render the content of a results file.

    Args:
        results: Checked contents in the grammar.
        pictures: Pictures of the first misclassified samples; may be empty.
        name: The page's name for the file.
        suspects: The first suspect labels, as in their CSV file, and the pictures of each.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format_number,
        "percent": format_percent,
        "json": json.dumps,
    }
    style, script = _own_text("report.css"), _own_text("report.js")
    views = [
        build_view(results[language], Voice(language))
        for language in LANGUAGES
        if language in results
    ]
    return environment.get_template("report.html.jinja").render(
        views=views,
        html_languages=HTML_LANGUAGES,
        pictures=pictures,
        suspects=suspects,
        name=name,
        charts=charts,
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; img-src data:; style-src {_source(style)}; "
            f"script-src {_source(script)}; base-uri 'none'; form-action 'none'"
        ),
    )


def format_number(value: object) -> str:
    """Format a number for reading; other values unchanged."""
    if isinstance(value, int):
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    for limit, digits in ((1000, 0), (100, 1), (10, 2)):
        if abs(value) >= limit:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def format_percent(share: float, language: str) -> str:
    """Format a share of 0..1 for reading."""
    return f"{100 * share:.1f}{'%' if language == 'zh-cn' else ' %'}"


def _own_text(name: str) -> Markup:
    """Read one of our own files, which goes into the page unescaped."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
