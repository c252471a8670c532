"""The table and the plot of a soak."""

from __future__ import annotations

import statistics
from functools import partial
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from bench.soak.trend import slope
from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

mpl.use("agg")  # files only; there may be no display

# Left out of the slopes: heaps fill up and code is compiled only once.
SETTLING_SHARE = 0.2
_HOUR_S, _LOT = 3600.0, 100_000.0
_DPI = 110

Windows = list[dict[str, Any]]


def markdown(figures: Mapping[str, Any], plot: str) -> str:
    """Write the table.

    Args:
        figures: The measured figures.
        plot: Path of the plot, relative to the page.
    """
    windows: Windows = figures["windows"]
    about, last = figures["machine"], windows[-1]
    settled = _settled(windows)
    roles = sorted(last["memory_mb"])
    rows = [
        _row(f"memory of `{role}`, MB", windows, partial(_memory_mb, role=role)) for role in roles
    ]
    rows += [
        _row("**memory, all, MB**", windows, lambda w: sum(w["memory_mb"].values())),
        _row("latency, median, ms", windows, lambda w: w["p50_ms"]),
        _row("latency, p99, ms", windows, lambda w: w["p99_ms"]),
        _row("answers a second", windows, lambda w: w["throughput"]),
    ]
    header = ("", "at first", "at the end", "slope an hour", "slope for 100,000 requests")
    return (
        f"{last['requests']:,} requests in {last['end_s'] / 60:.0f} minutes, all answered with "
        f"200; {figures['clients']} clients on {about['cores']} cores of an {about['cpu']}, "
        f"{figures['date']}, revision `{figures['revision']}`; {figures['model']}.\n"
        f"At first and at the end: medians of the first and the last tenth of {len(windows)} "
        f"windows.\n"
        f"Slopes: least squares over the last {len(settled)} windows, with 95 % intervals; before, "
        f"heaps fill up and code is compiled.\n\n"
        f"{table(header, rows)}\n![Memory and latency over time]({plot})\n"
    )


def _row(
    name: str, windows: Windows, figure: Callable[[dict[str, Any]], float]
) -> tuple[str, str, str, str, str]:
    values = [figure(window) for window in windows]
    tenth = max(1, len(values) // 10)
    settled = _settled(windows)
    y = values[-len(settled) :]
    return (
        name,
        f"{statistics.median(values[:tenth]):.1f}",
        f"{statistics.median(values[-tenth:]):.1f}",
        str(slope([window["end_s"] for window in settled], y, _HOUR_S)),
        str(slope([window["requests"] for window in settled], y, _LOT)),
    )


def _memory_mb(window: dict[str, Any], role: str) -> float:
    memory: dict[str, float] = window["memory_mb"]
    return memory.get(role, 0.0)


def _settled(windows: Windows) -> Windows:
    """Return the windows that the slopes are fitted to, at least two."""
    return windows[min(int(SETTLING_SHARE * len(windows)), len(windows) - 2) :]


def draw(windows: Windows, path: Path) -> None:
    """Draw memory and latency over time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, (memory, latency) = plt.subplots(
        2, 1, figsize=(8, 5.2), sharex=True, layout="constrained"
    )
    minutes = [window["end_s"] / 60 for window in windows]
    roles = sorted(windows[-1]["memory_mb"])
    _lines(memory, minutes, {r: [w["memory_mb"].get(r, 0.0) for w in windows] for r in roles})
    memory.set_ylabel("memory, MB")
    _lines(
        latency,
        minutes,
        {
            name: [w[key] for w in windows]
            for name, key in (("median", "p50_ms"), ("p99", "p99_ms"))
        },
    )
    latency.set_ylabel("latency, ms")
    latency.set_xlabel("minutes at full load")
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)


def _lines(axes: Any, x: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    for name, y in lines.items():
        axes.plot(x, y, label=name)
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
