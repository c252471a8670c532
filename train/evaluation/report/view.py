"""Turns a file in the grammar into the page's contents: its cards, and what is on each.

Operators are recognised by their structure and not by their names, so any valid file looks good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.evaluation.report.charts import draw_bars, draw_lines, draw_ring
from train.evaluation.report.grammar import SECTIONS, STRIP
from train.evaluation.report.tables import lay_out_table

if TYPE_CHECKING:
    from train.evaluation.report.charts import Bar, LineChart, Slice
    from train.evaluation.report.grammar import Json
    from train.evaluation.report.tables import Table
    from train.evaluation.report.texts import Voice

_WIDE_TABLE = 9  # columns


@dataclass(frozen=True)
class Lines:
    """A line chart; `sums` has one figure per curve, such as the area under it."""

    name: str
    chart: LineChart
    sums_name: str
    sums: dict[str, Any]


@dataclass(frozen=True)
class Card:
    """An operator as the page shows it."""

    key: str
    title: str
    paragraphs: tuple[str, ...]
    values: dict[str, float]
    lines: tuple[Lines, ...]
    rings: dict[str, tuple[Slice, ...]]
    bars: dict[str, tuple[Bar, ...]]
    tables: tuple[Table, ...]

    @property
    def wide(self) -> bool:
        """Whether it needs the page's whole width."""
        charts = len(self.lines) + len(self.rings) + bool(self.bars)
        return charts > 1 or any(len(table.columns) > _WIDE_TABLE for table in self.tables)

    @property
    def open_tables(self) -> list[Table]:
        """The tables shown at once: those that say more than the charts."""
        drawn = self.lines or self.rings or self.bars
        return [t for t in self.tables if not drawn or (t.kind != "plain" and not self.bars)]

    @property
    def folded_tables(self) -> list[Table]:
        """The collapsed tables: charts show the same figures."""
        return [table for table in self.tables if table not in self.open_tables]


@dataclass(frozen=True)
class Section:
    """A section with at least one card."""

    key: str
    title: str
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class View:
    """The page in one language.

    Attributes:
        voice: Its language.
        headline: The operator with the accuracy, if there is one.
        advice: The sentences of the operator "advice".
        sections: The sections with cards.
        samples: The misclassified samples.
    """

    voice: Voice
    headline: Card | None
    advice: tuple[str, ...]
    sections: tuple[Section, ...]
    samples: tuple[Json, ...]


def build_view(sections: Json, voice: Voice) -> View:
    """Lay out one language of a results file."""
    cards = {
        section: [
            _card(key, parts, voice)
            for key, parts in sections.get(section, {}).items()
            if key != STRIP
        ]
        for section in SECTIONS
    }
    headline = next(
        (card for group in cards.values() for card in group if "accuracy" in card.values), None
    )
    advice = next((card for card in cards["common"] if card.key == "advice"), None)
    order = [*SECTIONS[1:], SECTIONS[0]]  # what the data set was like comes last
    shown = {
        section: tuple(card for card in cards[section] if card not in (headline, advice))
        for section in order
    }
    return View(
        voice=voice,
        headline=headline,
        advice=advice.paragraphs if advice else (),
        sections=tuple(
            Section(key, voice.say("sections", key), group) for key, group in shown.items() if group
        ),
        samples=tuple(one for key in SECTIONS for one in sections.get(key, {}).get(STRIP, [])),
    )


def _card(key: str, parts: Json, voice: Voice) -> Card:
    tables = parts.get("table", {})
    charts = parts.get("line_chart", {})
    sums = {
        name: next((t for t in tables if _sums_up(tables[t], chart)), "")
        for name, chart in charts.items()
    }
    return Card(
        key=key,
        title=parts.get("title") or voice.label(key),
        paragraphs=tuple(filter(None, parts.get("description", "").split("\n"))),
        values=parts.get("value", {}),
        lines=tuple(
            _lines(voice.label(name), chart, tables.get(sums[name]))
            for name, chart in charts.items()
        ),
        rings={
            voice.label(name): draw_ring(chart)
            for name, chart in parts.get("pie_chart", {}).items()
        },
        bars={
            voice.label(name): draw_bars(chart)
            for name, chart in parts.get("column_chart", {}).items()
        },
        tables=tuple(
            lay_out_table(voice.label(name), content)
            for name, content in tables.items()
            if name not in sums.values()
        ),
    )


def _sums_up(table: Json, chart: Json) -> bool:
    """Whether a table has one figure per curve, so that it becomes the chart's legend."""
    return len(table["col_labels"]) == 1 and table["row_labels"] == list(chart["curve"])


def _lines(name: str, chart: Json, sums: Json | None) -> Lines:
    if sums is None:
        return Lines(name, draw_lines(chart), "", {})
    values = {
        row: cells[0] for row, cells in zip(sums["row_labels"], sums["cell_value"], strict=True)
    }
    return Lines(name, draw_lines(chart), str(sums["col_labels"][0]), values)
