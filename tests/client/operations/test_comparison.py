"""Which photos two versions are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.operations.comparison import Comparison, choose_samples

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_gives_evenly_spaced_photos_and_nothing_else(tmp_path: Path) -> None:
    for number in range(10):
        folder = tmp_path / ("a" if number < 5 else "b")
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.JPG").write_bytes(b"")
    (tmp_path / "LICENSE.txt").write_bytes(b"")

    names = [path.name for path in choose_samples([tmp_path], 5)]
    assert names == ["0.JPG", "2.JPG", "4.JPG", "6.JPG", "8.JPG"]
    assert len(choose_samples([tmp_path], 40)) == 10
    assert choose_samples([tmp_path / "x.png"], 5) == [tmp_path / "x.png"]
    assert choose_samples([], 5) == []


def test_without_photos_nothing_disagrees() -> None:
    assert Comparison(0, 0).agreement == 1
    assert Comparison(4, 3).agreement == 0.75
