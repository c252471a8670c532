"""What the faults of releases do where no server is needed for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from bench.faults.releases import _swapped, refuse_second
from bench.faults.stage import Stage
from bench.lab.errors import LoadFailed
from server.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def mar(tmp_path: Path) -> Path:
    """A file with a stamp that says it was verified."""
    mar = tmp_path / "drawn.mar"
    mar.write_bytes(b"verified")
    digest = hashlib.sha256(b"verified").hexdigest()
    (tmp_path / "drawn.mar.sha256").write_text(f"{digest}  drawn.mar\n")
    return mar


def test_a_swapped_archive_is_refused_and_comes_back(mar: Path, tmp_path: Path) -> None:
    stage = Stage(mar, tmp_path / "stage")
    with _swapped(mar):
        refuse_second(stage, "not verified, or changed since", port=free_ports())
    assert mar.read_bytes() == b"verified"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["drawn.mar", "drawn.mar.sha256"]


def test_another_refusal_does_not_count(mar: Path, tmp_path: Path) -> None:
    stage = Stage(mar, tmp_path / "stage")
    with _swapped(mar), pytest.raises(LoadFailed, match="not refused: error: "):
        refuse_second(stage, "is taken", port=free_ports())
