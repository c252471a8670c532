"""Which photos are used to compare two versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.errors import LocalFileError
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


@pytest.mark.parametrize("suffix", ["tif", "TIFF", "webp", "bmp", "gif", "jpeg", "png"])
def test_a_folder_of_any_format_gives_photos(suffix: str, tmp_path: Path) -> None:
    photo = tmp_path / f"photo.{suffix}"
    photo.write_bytes(b"")
    assert choose_samples([tmp_path], 5) == [photo]


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_bytes(b"")
    with pytest.raises(LocalFileError, match="no images in it"):
        choose_samples([tmp_path], 5)


def test_agreement_of_nothing_is_none() -> None:
    assert Comparison(0, 0).agreement is None
    assert Comparison(4, 3).agreement == 0.75
