"""The table of `make floods`."""

from __future__ import annotations

import json
from collections import Counter

from bench.floods.__main__ import FRONT, figures_of
from bench.floods.floods import FLOODS, Seen
from bench.floods.table import markdown

MACHINE = {"cores": 2, "cpu": "AMD EPYC"}


def test_the_results_become_a_table() -> None:
    seen = Seen(80.0, Counter({"200": 47, "503": 1}), 1, 41.5, {"Java": 500.0, "front": 60.0}, True)
    results = [figures_of(FLOODS[0], FRONT, seen)]
    figures = {"date": "2026-11-29", "revision": "abc", "clients": 4, "seconds": 15}
    text = markdown(json.loads(json.dumps(figures | {"machine": MACHINE, "results": results})))
    assert "48 photos of 10.4 MB" in text
    assert "47 x 200, 1 x 503" in text
