"""Tables as Markdown."""

from __future__ import annotations

from console.tables import table


def test_figures_stand_on_the_right() -> None:
    assert table(("", "MB"), [("java", 1.5)]) == "|  | MB |\n| --- | ---: |\n| java | 1.5 |\n"


def test_text_stands_on_the_left() -> None:
    assert table(("file", "hash"), [], numbers=False) == "| file | hash |\n| --- | --- |\n"
