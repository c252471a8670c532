"""AVIF photos are used as they are; HEIC ones become JPEGs where they can be read."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.train.data.test_layouts import draw
from tests.train.data.test_similar import scene
from train.data import converting
from train.data.check import check_data_set
from train.data.converting import convert
from train.data.preparing import Wishes, prepare

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_only_heic_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's own AVIF reader stands for pillow-heif, and an AVIF behind other brands for HEIC."""
    monkeypatch.setattr(converting, "_reads_heic", lambda: True)
    picture = scene(1)
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    turned.save(tmp_path / "a.avif", exif=exif, quality=95)
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(tmp_path / "clear.avif")
    for name in ("a", "clear"):
        file = (tmp_path / f"{name}.avif").read_bytes()
        (tmp_path / f"{name}.heic").write_bytes(with_brands(file))
    picture.save(tmp_path / "plain.png")
    converted = convert(sorted(tmp_path.iterdir()), tmp_path / "converted")
    assert sorted(path.name for path in converted) == ["a.heic", "clear.heic"]
    upright = Image.open(converted[tmp_path / "a.heic"])
    assert upright.size == picture.size
    assert np.abs(np.asarray(upright, float) - np.asarray(picture, float)).mean() < 4
    clear = Image.open(converted[tmp_path / "clear.heic"])
    assert np.asarray(clear).min() > 250


def with_brands(file: bytes) -> bytes:
    """Hide the brand of an AVIF beyond where our reader looks, as no encoder does."""
    size = int.from_bytes(file[:4], "big")
    brands = b"mif1" + bytes(4) + b"mif1" * 64 + b"avif"
    start = struct.pack(">I4s", 8 + len(brands), b"ftyp") + brands
    shifted = bytearray(file)
    place = file.index(b"iloc") + 4 + 4 + 2 + 2
    for entry in range(place, place + 14 * int.from_bytes(file[place - 2 : place], "big"), 14):
        offset = int.from_bytes(file[entry + 6 : entry + 10], "big") + len(start) - size
        shifted[entry + 6 : entry + 10] = offset.to_bytes(4, "big")
    return start + bytes(shifted[size:])


def test_a_data_set_of_avif_photos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = draw(tmp_path / "source", "a", "b/more", count=3)
    scene(2).save(source / "a/photo.avif")
    scene(3).save(source / "b/more/photo.avif")
    (source / "b/copy.avif").write_bytes((source / "b/more/photo.avif").read_bytes())
    (source / "b/broken.avif").write_bytes((source / "a/photo.avif").read_bytes()[:200])
    (source / "b/iphone.heic").write_bytes(HEIC)
    with caplog.at_level(logging.INFO):
        prepare(source, tmp_path / "data_set", Wishes(skip_unreadable=True))
    assert f"left out {source}/b/broken.avif: unreadable: an AVIF file that is" in caplog.text
    assert f"left out {source}/b/iphone.heic: unreadable: HEIC data" in caplog.text
    assert "left out b/more/photo.avif: same as copy.avif, which is kept" in caplog.messages
    data_set, _ = check_data_set(tmp_path / "data_set")
    names = {photo.path.relative_to(tmp_path / "data_set").parts[1:] for photo in data_set.train}
    names |= {photo.path.relative_to(tmp_path / "data_set").parts[1:] for photo in data_set.val}
    assert {("a", "photo.avif"), ("b", "copy.avif")} < names
