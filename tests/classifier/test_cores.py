"""The number of usable cores is bounded by a container's quota."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from classifier.cores import usable_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", None)],
)
def test_a_quota_bounds_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, cores: int | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    (tmp_path / "membership").write_text("0::/pod/server\n")
    (tmp_path / "pod" / "server").mkdir(parents=True)
    (tmp_path / "pod" / "server" / "cpu.max").write_text(limit + "\n")
    assert usable_cores(tmp_path / "membership", tmp_path) == (cores or 64)


def test_without_control_groups_all_cores_count(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none", tmp_path) == len(os.sched_getaffinity(0))
