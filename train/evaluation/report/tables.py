"""The page's tables: the kind of each table, and the shade of each cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from train.evaluation.report.grammar import Json

_CORNER = re.compile(r"^(.+?)(\s*[\\/]\s*)(.+)$")
_LEVELS = 10  # of shade
_LEAST_CELLS = 4  # anything smaller than two by two has nothing to compare


@dataclass(frozen=True)
class Cell:
    """A table's cell; `shade` is "" or the class of its background."""

    value: float | str | None
    shade: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `kind` is "matrix" (rows actual, columns predicted), "heat" or "plain"."""

    name: str
    kind: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def lay_out_table(name: str, content: Json) -> Table:
    """Choose a table's kind by its shape, and the shades of its cells by their values."""
    cells: list[list[Any]] = content["cell_value"]
    corner: str = content.get("top_left_cell", "")
    kind = _kind(content)
    if kind == "matrix":  # in ModelArts' files, rows are the predicted classes
        cells, corner = [list(column) for column in zip(*cells, strict=True)], _turned(corner)
    totals = [sum(row) for row in cells] if kind == "matrix" else []

    def cell(value: Any, row: int, column: int) -> Cell:
        if value is None or kind == "plain":
            return Cell(value)
        if kind == "heat":
            return Cell(value, f"heat-{round(_LEVELS * value)}")
        share = value / (totals[row] or 1)
        # The square root keeps few mistakes visible beside many right answers.
        level = round(_LEVELS * (share if row == column else share**0.5))
        return Cell(value, f"{'right' if row == column else 'wrong'}-{level}")

    return Table(
        name=name,
        kind=kind,
        corner=corner,
        columns=tuple(str(label) for label in content["col_labels"]),
        rows=tuple(
            (str(label), tuple(cell(value, r, c) for c, value in enumerate(row)))
            for r, (label, row) in enumerate(zip(content["row_labels"], cells, strict=True))
        ),
    )


def _turned(corner: str) -> str:
    r"""Turn the words of a matrix's corner: "predicted \\ actual" says "actual \\ predicted"."""
    found = _CORNER.match(corner)
    return f"{found[3]}{found[2]}{found[1]}" if found else corner


def _kind(content: Json) -> str:
    cells = [value for row in content["cell_value"] for value in row]
    values = [value for value in cells if value is not None]
    comparable = all(isinstance(value, int | float) and value >= 0 for value in values)
    if len(values) < _LEAST_CELLS or not comparable:
        return "plain"
    if content["row_labels"] == content["col_labels"] and None not in cells:
        return "matrix"
    return "heat" if max(values) <= 1 and len(content["col_labels"]) > 1 else "plain"
