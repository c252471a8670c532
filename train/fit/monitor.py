"""Records a training's use of CPU, memory and GPU over time, as samples and as a plot."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
import torch
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MIB = 2**20


class Sample(NamedTuple):
    """The resources used at one moment by this process and its children.

    Attributes:
        time_s: Seconds since the monitor started.
        cpu_percent: Mean since the previous sample; 100 is one core.
        memory_mib: Resident memory; pages shared between processes count in each.
        gpu_percent: GPU utilisation by all processes; None if it cannot be read.
        gpu_memory_mib: GPU memory in use by all processes; None without a GPU.
    """

    time_s: float
    cpu_percent: float
    memory_mib: float
    gpu_percent: float | None
    gpu_memory_mib: float | None


class Monitor:
    """A thread that takes samples while its `with` block runs."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self.samples: list[Sample] = []
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        started = before = time.monotonic()
        cpu_before = _cpu_seconds_and_memory()[0]
        while not self._stop.wait(self._interval_s):
            now = time.monotonic()
            cpu, memory = _cpu_seconds_and_memory()
            # A child that ends between two readings would otherwise appear as negative use.
            percent = max(100 * (cpu - cpu_before) / (now - before), 0.0)
            self.samples.append(Sample(now - started, percent, memory / _MIB, *_gpu()))
            before, cpu_before = now, cpu


def summarise(samples: Sequence[Sample]) -> dict[str, float]:
    """Return mean and peak of each measured quantity; empty if there are no samples."""
    summary = {}
    for name in Sample._fields[1:]:
        values = [v for sample in samples if (v := getattr(sample, name)) is not None]
        if values:
            summary[f"{name}_mean"] = round(sum(values) / len(values), 1)
            summary[f"{name}_peak"] = round(max(values), 1)
    return summary


def plot_samples(samples: Sequence[Sample], path: Path) -> None:
    """Plot each measured quantity over time as a PNG file."""
    titles = {
        "cpu_percent": "CPU, % of a core",
        "memory_mib": "memory, MiB",
        "gpu_percent": "GPU, %",
        "gpu_memory_mib": "GPU memory, MiB",
    }
    shown = [name for name in titles if any(getattr(s, name) is not None for s in samples)]
    figure = Figure(figsize=(8, 1 + 2 * max(len(shown), 1)), layout="constrained")
    minutes = [sample.time_s / 60 for sample in samples]
    for row, name in enumerate(shown):
        axes = figure.add_subplot(len(shown), 1, row + 1)
        axes.plot(minutes, [getattr(sample, name) for sample in samples], linewidth=1)
        axes.set_ylabel(titles[name])
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.set_xlabel("minutes")
    figure.savefig(path, format="png", dpi=100)


def _cpu_seconds_and_memory() -> tuple[float, int]:
    """Sum CPU seconds and resident bytes over this process and its children."""
    this = psutil.Process()
    times = this.cpu_times()
    # Finished children are included in their parent's times.
    seconds = times.user + times.system + times.children_user + times.children_system
    memory = this.memory_info().rss
    for child in this.children(recursive=True):
        try:
            times, rss = child.cpu_times(), child.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
        seconds += times.user + times.system
        memory += rss
    return seconds, memory


def _gpu() -> tuple[float | None, float | None]:
    if not torch.cuda.is_available():
        return None, None
    free, total = torch.cuda.mem_get_info()
    try:
        percent: float | None = float(torch.cuda.utilization())
    except (ImportError, RuntimeError):  # NVIDIA's management library is an extra
        percent = None
    return percent, (total - free) / _MIB
