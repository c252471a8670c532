"""Resource use, sampled and plotted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PIL import Image

from train.fit.monitor import Monitor, plot_samples, summarise

if TYPE_CHECKING:
    from pathlib import Path


def test_samples_are_taken_summarised_and_plotted(tmp_path: Path) -> None:
    with Monitor(interval_s=0.01) as monitor:
        while len(monitor.samples) < 3:
            time.sleep(0.01)
    summary = summarise(monitor.samples)
    assert 0 < summary["memory_mib_mean"] <= summary["memory_mib_peak"]
    assert summary["cpu_percent_peak"] >= 0
    plot_samples(monitor.samples, tmp_path / "resources.png")
    with Image.open(tmp_path / "resources.png") as plot:
        assert plot.format == "PNG"


def test_a_job_too_short_for_samples_still_has_a_plot(tmp_path: Path) -> None:
    assert summarise([]) == {}
    plot_samples([], tmp_path / "resources.png")
    assert (tmp_path / "resources.png").stat().st_size > 0
