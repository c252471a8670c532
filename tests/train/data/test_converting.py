"""AVIF photos become JPEGs in the data set."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.train.data.test_layouts import draw
from tests.train.data.test_similar import scene
from train.data.check import check_data_set
from train.data.converting import convert
from train.data.preparing import Wishes, prepare

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_avif_is_converted_upright_on_white(tmp_path: Path) -> None:
    picture = scene(1)
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    turned.save(tmp_path / "a.avif", quality=95, exif=exif)
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(tmp_path / "clear.avif")
    picture.save(tmp_path / "plain.png")
    paths = sorted(tmp_path.iterdir())
    converted = convert(paths, tmp_path / "converted")
    assert sorted(path.name for path in converted) == ["a.avif", "clear.avif"]
    upright = Image.open(converted[tmp_path / "a.avif"])
    assert upright.size == picture.size
    assert np.abs(np.asarray(upright, float) - np.asarray(picture, float)).mean() < 4
    clear = Image.open(converted[tmp_path / "clear.avif"])
    assert np.asarray(clear).min() > 250


def test_a_data_set_of_avif_photos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = draw(tmp_path / "source", "a", "b/more", count=3)
    scene(2).save(source / "a/photo.avif")
    scene(3).save(source / "b/more/photo.avif")
    (source / "b/copy.avif").write_bytes((source / "b/more/photo.avif").read_bytes())
    (source / "b/broken.avif").write_bytes((source / "a/photo.avif").read_bytes()[:200])
    with caplog.at_level(logging.INFO):
        prepare(source, tmp_path / "data_set", Wishes(skip_unreadable=True))
    assert "converted 3 AVIF or HEIC photos to JPEG" in caplog.messages
    assert f"left out {source}/b/broken.avif: unreadable: AVIF data" in caplog.text
    assert "left out b/more/photo.avif: same as copy.avif.jpg, which is kept" in caplog.messages
    data_set, _ = check_data_set(tmp_path / "data_set")
    names = {photo.path.relative_to(tmp_path / "data_set").parts[1:] for photo in data_set.train}
    names |= {photo.path.relative_to(tmp_path / "data_set").parts[1:] for photo in data_set.val}
    assert {("a", "photo.avif.jpg"), ("b", "copy.avif.jpg")} < names
