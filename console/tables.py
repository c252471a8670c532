"""Figures as Markdown tables, in pages and on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: bool = True) -> str:
    """Format a table; the first column is text, the others are numbers, or text too."""
    alignment = "---:" if numbers else "---"
    lines = [header, ["---", *[alignment] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
