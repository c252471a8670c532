"""The worker's counters, and that they form valid Prometheus histograms."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from classifier.meter import (
    BATCH_REQUESTS,
    BOUNDS,
    LABELS,
    MODEL_INFO,
    PREDICTIONS,
    Meter,
    bound_label,
    zeros,
)

if TYPE_CHECKING:
    from classifier.meter import Increment

CONFIG = Path(__file__).parents[2] / "config" / "metrics.yaml"


def totals(increments: list[Increment]) -> dict[tuple[str, str | None], float]:
    """Add increments up, as a server's counters do."""
    added: defaultdict[tuple[str, str | None], float] = defaultdict(float)
    for name, label, amount in increments:
        assert amount >= 0
        added[name, label] += amount
    return added


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.sampled_from([0.5, 1, 3, 64, 65, 1e9]), st.integers(1, 5))))
    )
)
def test_buckets_count_all_values_up_to_their_bound(
    rounds: list[tuple[list[tuple[float, int]]]],
) -> None:
    meter, taken, seen = Meter(), [], []
    for (values,) in rounds:
        for value, times in values:
            meter.observe(BATCH_REQUESTS, value, times)
            seen += [value] * times
        taken += meter.take()
    added = totals(taken)
    for bound in BOUNDS[BATCH_REQUESTS]:
        expected = sum(value <= bound for value in seen)
        assert added[f"{BATCH_REQUESTS}_bucket", bound_label(bound)] == expected
    assert added[f"{BATCH_REQUESTS}_bucket", "+Inf"] == len(seen)
    assert added[f"{BATCH_REQUESTS}_count", None] == len(seen)
    assert added[f"{BATCH_REQUESTS}_sum", None] == pytest.approx(sum(seen))


def test_what_was_taken_is_not_taken_again() -> None:
    meter = Meter()
    meter.add(PREDICTIONS, "daisy")
    meter.add(PREDICTIONS, "daisy", 2)
    assert meter.take() == [(PREDICTIONS, "daisy", 3)]
    assert meter.take() == []


def test_bounds_rise() -> None:
    for bounds in BOUNDS.values():
        assert list(bounds) == sorted(set(bounds))


def test_the_servers_metrics_yaml_knows_every_metric_with_its_labels() -> None:
    metrics = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["model_metrics"]
    listed = {entry["name"]: entry["dimensions"][2:] for entry in metrics["counter"]}
    counted = {increment.name for increment in zeros(("daisy",))}
    assert set(listed) == counted
    for name, labels in listed.items():
        own = [LABELS[name]] if name in LABELS else ["le"] if name.endswith("_bucket") else []
        assert labels == own, name
    (info,) = metrics["gauge"]
    assert info["name"] == MODEL_INFO
