"""The plots of docs/benchmarks.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt

from bench.lab.figures import spread
from bench.lab.plan import LIMIT, OURS, STOCK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from bench.speed.summary import Summary

mpl.use("agg")  # files only; there may be no display

_OURS_COLOUR, _OTHER_COLOUR, _FAINT_COLOUR = "#e8a317", "#4c6a92", "#a9b8cc"
_DPI = 110
_VISIBLE_MS, _OTHERS = 0.5, "other processes"


def draw(summary: Summary, folder: Path) -> dict[str, str]:
    """Draw all plots with figures; return each file name by its subject, or ""."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for subject, paint in (
        ("throughput", _throughput),
        ("clients", _clients),
        ("cost", _cost),
        ("sizes", _sizes),
        ("sweeps", _sweeps),
    ):
        figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
        drawn[subject] = ""
        if paint(axes, summary):
            name = f"bench-{subject}.png"
            figure.savefig(folder / name, dpi=_DPI, metadata={"Software": None})
            drawn[subject] = name
        plt.close(figure)
    return drawn


def _throughput(axes: Axes, summary: Summary) -> bool:
    figures = {name: summary.throughput(name) for name in [*summary.servers, LIMIT]}
    medians = {name: spread(list(f.values())).median for name, f in figures.items() if f}
    names = sorted(medians, key=lambda name: medians[name])
    spreads = [spread(list(figures[name].values())) for name in names]
    errors = [
        [s.median - s.least for s in spreads],
        [s.most - s.median for s in spreads],
    ]
    bars = axes.barh(
        names,
        [medians[name] for name in names],
        xerr=errors,
        color=[_colour(name) for name in names],
    )
    axes.bar_label(bars, [f"{medians[name]:.0f}" for name in names], padding=12)
    axes.set_xlabel(f"photos/s at {summary.main_clients} clients (median, least to most)")
    axes.margins(x=0.12)
    return bool(names)


def _clients(axes: Axes, summary: Summary) -> bool:
    clients = summary.plan["clients"]
    for name in summary.servers:
        points = [(n, summary.throughput(name, n)) for n in clients]
        found = [(n, spread(list(f.values())).median) for n, f in points if f]
        if len(found) > 2:  # noqa: PLR2004  two points are not a curve
            width = 3 if name == OURS else 1.5
            axes.plot(*zip(*found, strict=True), marker="o", label=name, linewidth=width)
    axes.set_xscale("log", base=2)
    axes.set_xticks(clients, [str(n) for n in clients])
    axes.set_xlabel("clients")
    axes.set_ylabel("photos/s")
    axes.set_ylim(bottom=0)
    if axes.lines:
        axes.legend(ncols=2)
    return bool(axes.lines)


def _cost(axes: Axes, summary: Summary) -> bool:
    names = [name for name in summary.servers if not name.endswith("-eager") and name != STOCK]
    used = {name: _parts(summary.cpu_ms(name)) for name in names}
    parts = sorted({part for parts in used.values() for part in parts} - {_OTHERS})
    left = dict.fromkeys(names, 0.0)
    for part in [*parts, _OTHERS]:
        widths = [used[name].get(part, 0.0) for name in names]
        axes.barh(names, widths, left=[left[name] for name in names], label=part)
        left = {name: left[name] + width for name, width in zip(names, widths, strict=True)}
    axes.set_xlabel(f"CPU milliseconds an answer, at {summary.main_clients} clients")
    if names:
        axes.figure.legend(loc="outside upper center", ncols=4, fontsize="small")
    return bool(names)


def _parts(cpu_ms: Mapping[str, float]) -> dict[str, float]:
    """Merge the processes that are too small to see."""
    large = {part: used for part, used in cpu_ms.items() if used >= _VISIBLE_MS}
    return large | {_OTHERS: sum(cpu_ms.values()) - sum(large.values())}


def _sizes(axes: Axes, summary: Summary) -> bool:
    sizes: Mapping[str, Mapping[str, Sequence[float]]] = summary.steps.get("sizes", {})
    for name in (OURS, STOCK):
        medians = [spread(rounds[name]).median for rounds in sizes.values()]
        axes.plot(list(sizes), medians, marker="o", label=name, color=_colour(name))
    axes.set_ylabel("photos/s")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("size of the photos")
    if sizes:
        axes.legend()
    return bool(sizes)


def _sweeps(axes: Axes, summary: Summary) -> bool:
    drawn = False
    for step, label in (("batches", "batch size"), ("workers", "workers")):
        rounds: Mapping[str, Sequence[float]] = summary.steps.get(step, {})
        if rounds:
            counts = [int(count) for count in rounds]
            medians = [spread(figures).median for figures in rounds.values()]
            axes.plot(counts, medians, marker="o", label=label)
            drawn = True
    axes.set_ylim(bottom=0)
    axes.set_ylabel("photos/s")
    axes.set_xlabel("batch size, or number of workers")
    if drawn:
        axes.legend()
    return drawn


def _colour(name: str) -> str:
    if name == OURS:
        return _OURS_COLOUR
    return _FAINT_COLOUR if name == LIMIT else _OTHER_COLOUR
