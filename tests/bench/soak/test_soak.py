"""The slopes of a soak, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archive.source import read_source
from bench.soak.model import CLASS_NAMES, write_small_model
from bench.soak.report import draw, markdown
from bench.soak.trend import slope
from classifier.description import Preprocessing

if TYPE_CHECKING:
    from pathlib import Path


def windows(count: int, growth_mb: float) -> list[dict[str, Any]]:
    """Windows of 20 s in which memory settles at first, and then grows by so much in each."""
    return [
        {
            "end_s": 20.0 * (number + 1),
            "requests": 2000 * (number + 1),
            "throughput": 100.0,
            "p50_ms": 10.0,
            "p99_ms": 30.0,
            "memory_mb": {
                "java": 250.0 if number else 100.0,
                "worker.py": 700.0 + growth_mb * number,
            },
        }
        for number in range(count)
    ]


def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "date": "2026-01-01",
        "revision": "abc",
        "machine": {"cores": 2, "cpu": "Example CPU"},
        "model": "resnet18 on 64 x 64 pixels",
        "clients": 32,
        "windows": found,
    }


@given(
    st.floats(-1e3, 1e3),
    st.floats(-1e3, 1e3),
    st.lists(st.integers(0, 10**6), min_size=3, max_size=20, unique=True),
)
def test_the_slope_of_a_line_is_the_lines(growth: float, start: float, x: list[int]) -> None:
    found = slope(x, [start + growth * value for value in x], unit=10.0)
    assert found.per_unit == pytest.approx(10 * growth, abs=1e-3 + abs(growth) * 1e-3)


def test_two_points_tell_no_uncertainty() -> None:
    assert str(slope([0, 1], [5, 7])) == "+2.00"


def test_a_leak_shows_and_what_settles_first_does_not() -> None:
    text = markdown(figures(windows(20, growth_mb=1.0)), "images/soak.png")
    # 1 MB in 20 s and 2,000 requests
    assert "| memory of `worker.py`, MB | 700.5 | 718.5 | +180.00 ± 0.00 | +50.00 ± 0.00 |" in text
    assert "| memory of `java`, MB | 175.0 | 250.0 | +0.00 ± 0.00 | +0.00 ± 0.00 |" in text
    assert "| **memory, all, MB** |" in text
    assert text.startswith("40,000 requests in 7 minutes")
    assert "the last 16 windows" in text


def test_two_windows_are_enough_for_a_table() -> None:
    assert "the last 2 windows" in markdown(figures(windows(2, growth_mb=0.0)), "x.png")


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    draw(windows(5, growth_mb=1.0), tmp_path / "images" / "soak.png")
    with Image.open(tmp_path / "images" / "soak.png") as picture:
        picture.load()
        assert picture.width > picture.height > 0


def test_the_small_model_is_one_that_an_archive_is_made_from(tmp_path: Path) -> None:
    write_small_model(tmp_path)
    source = read_source(tmp_path)
    assert source.description.preprocessing.crop < Preprocessing().crop
    assert len(source.class_names) == len(CLASS_NAMES)
