"""Geometry of the page's charts: data to positions, ticks and paths; templates draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.evaluation.report.grammar import Json

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 408, 10, 232  # of the area between the axes
COLOURS = 8
_MARKED = 12  # curves of at most this many points get a dot on each
RADIUS = 15.9155  # a circle of this radius has a circumference of 100

Tick = tuple[float, str]  # position and text


@dataclass(frozen=True)
class Series:
    """One curve: its SVG path, and the points to mark with a dot.

    `style` is its colour, "c0" and so on, or "reference" for the diagonal.
    """

    name: str
    style: str
    path: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class LineChart:
    """Curves over two axes."""

    x_name: str
    y_name: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Slice:
    """Part of a ring: its length and start, in hundredths of the circumference."""

    name: str
    colour: int
    value: float
    length: float
    start: float


@dataclass(frozen=True)
class Bar:
    """A horizontal bar, `percent` of the full width."""

    name: str
    value: float
    percent: float


def draw_lines(chart: Json) -> LineChart:
    """Lay out a line chart of the grammar."""
    curves: dict[str, list[list[float]]] = chart["curve"]
    points = [point for curve in curves.values() for point in curve]
    x_low, x_high = _range(chart.get("x_axis_range", ()), [point[0] for point in points])
    y_low, y_high = _range(chart.get("y_axis_range", ()), [point[1] for point in points])

    def place(x: float, y: float) -> tuple[float, float]:
        right, up = (x - x_low) / (x_high - x_low), (y - y_low) / (y_high - y_low)
        return round(LEFT + right * (RIGHT - LEFT), 1), round(BOTTOM - up * (BOTTOM - TOP), 1)

    return LineChart(
        x_name=chart.get("x_axis_name", ""),
        y_name=chart.get("y_axis_name", ""),
        x_ticks=tuple((place(x, y_low)[0], text) for x, text in ticks(x_low, x_high)),
        y_ticks=tuple((place(x_low, y)[1], text) for y, text in ticks(y_low, y_high)),
        series=tuple(
            _series(name, number, [place(*point) for point in curve])
            for number, (name, curve) in enumerate(curves.items())
        ),
    )


def draw_ring(chart: Json) -> tuple[Slice, ...]:
    """Lay out a pie chart of the grammar as a ring."""
    total = sum(chart["value"]) or 1
    slices, start = [], 0.0
    for number, (name, value) in enumerate(zip(chart["label"], chart["value"], strict=True)):
        length = 100 * value / total
        slices.append(Slice(str(name), number % COLOURS, value, round(length, 3), round(start, 3)))
        start += length
    return tuple(slices)


def draw_bars(chart: Json) -> tuple[Bar, ...]:
    """Lay out a column chart of the grammar as horizontal bars, which have room for names."""
    values: list[float] = chart["y_value"]
    limits = chart.get("y_axis_range") or [0, 0]
    fits = limits[-1] > 0 and max(values, default=0) >= limits[-1] / 4
    # With small values only, a full axis would show nothing.
    full = limits[-1] if fits else max(values, default=0)
    full = max(full, max(values, default=0)) or 1
    return tuple(
        Bar(str(name), value, round(max(100 * value / full, 0), 2))
        for name, value in zip(chart["x_value"], values, strict=True)
    )


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Choose three to six round values in a range, with their texts."""
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    values = [
        number * step for number in range(first, first + 7) if number * step <= high + raw / 1e6
    ]
    return [(value, f"{value:.6g}") for value in values]


def _range(limits: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return the range in the file, or that of its values; never an empty one."""
    low, high = min([*limits, *values], default=0.0), max([*limits, *values], default=1.0)
    tiny = max(abs(low), abs(high), 1e-9) * 1e-9
    return (low, high) if high - low > tiny else (low - 0.5 - abs(low), low + 0.5 + abs(low))


def _series(name: str, number: int, places: list[tuple[float, float]]) -> Series:
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places) if places else ""
    if sorted(places) == [(LEFT, BOTTOM), (RIGHT, TOP)]:  # ideal, not measured
        return Series(name, "reference", path, ())
    dots = tuple(places) if len(places) <= _MARKED else ()
    return Series(name, f"c{number % COLOURS}", path, dots)
