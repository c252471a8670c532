"""Both languages say everything, and fill in the same names."""

from __future__ import annotations

import re
import string

import pytest

from tests.e2e.served import ROOT
from ui.texts import LANGUAGES, catalogue

_SAID = re.compile(
    r"""["'](?!page\.(?:css|js))((?:page|input|result|time|facts|comparison)\.\w+)["']"""
)
NAMES = [f"{group}.{key}" for group, texts in catalogue().items() for key in texts]
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for form in ("*.py", "*.jinja")
    for path in sorted((ROOT / "ui").rglob(form))
)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_fill_in_the_same_names(name: str) -> None:
    group, _, key = name.partition(".")
    texts = catalogue()[group][key]
    assert set(texts) == set(LANGUAGES.values())
    english, chinese = (
        {field for _, field, _, _ in string.Formatter().parse(text) if field}
        for text in (texts["en"], texts["zh"])
    )
    assert english == chinese


def test_every_text_that_is_said_exists() -> None:
    said = set(_SAID.findall(SOURCES))
    assert said <= set(NAMES)
    assert len(said) > 20
