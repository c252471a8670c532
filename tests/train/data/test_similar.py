"""Near-duplicates are found, kept together, and counted."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from train.data.check import check_data_set
from train.data.preparing import Wishes, prepare
from train.data.recognition import list_photos
from train.data.similar import Look, look_at, near_duplicates
from train.data.split import split_classes

if TYPE_CHECKING:
    from pathlib import Path


def scene(seed: int, side: int = 160) -> Image.Image:
    """Draw a picture with large and small shapes, unlike any of another seed."""
    chance = np.random.default_rng(seed)
    coarse = Image.fromarray(chance.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return coarse.resize((side * 4 // 3, side), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


CHANGES = {
    "JPEG 70": lambda image: as_jpeg(image, 70),
    "a messenger's": lambda image: as_jpeg(image.resize((image.width // 2, image.height // 2)), 60),
    "exported brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
    "exported in more colour": lambda image: ImageEnhance.Color(image).enhance(1.2),
    "the next of a burst": lambda image: image.crop((2, 1, image.width, image.height)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_copies_are_found_and_others_are_not(tmp_path: Path, change: object) -> None:
    looks = {}
    for seed in range(40):
        looks[tmp_path / f"{seed}-a"] = look_at(scene(seed))
        looks[tmp_path / f"{seed}-b"] = look_at(change(scene(seed)))  # type: ignore[operator]
    groups = near_duplicates(looks)
    assert all(len({path.name.split("-")[0] for path in group}) == 1 for group in groups)
    assert len(groups) >= 39


def test_blank_pictures_are_like_nothing(tmp_path: Path) -> None:
    blank = look_at(Image.new("RGB", (64, 64), "white"))
    assert near_duplicates({tmp_path / str(index): blank for index in range(5)}) == []


def test_ten_thousand_frames_of_one_film_are_one_group(tmp_path: Path) -> None:
    look = look_at(scene(1))
    frames = {
        tmp_path / str(i): Look(look.hash ^ (1 << i % 8), look.colours) for i in range(10_000)
    }
    assert [len(group) for group in near_duplicates(frames)] == [10_000]


def write_scenes(root: Path, scenes: int) -> None:
    """Write photos of two classes, and a JPEG-70 copy of each."""
    for number in range(scenes):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        scene(number).save(folder / f"{number:02d}.png")
        scene(number).save(folder / f"{number:02d}-copy.jpg", quality=70)


def numbers(photos: tuple[Path, ...]) -> set[str]:
    return {path.name[:2] for path in photos}


def test_a_photo_and_its_copy_are_in_one_split(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_scenes(tmp_path / "source", 24)
    with caplog.at_level(logging.INFO):
        prepare(tmp_path / "source", tmp_path / "data_set", Wishes(test_share=0.2))
    listing = list_photos(tmp_path / "data_set")
    for name in "ab":
        train, val, test = (numbers(listing[split][name]) for split in ("train", "val", "test"))
        assert not train & val
        assert not (train | val) & test
        assert len(train | val | test) == 12
        assert [len(listing[split][name]) for split in ("train", "val", "test")] == [18, 2, 4]
    assert (
        "48 photos show the same as others, in 24 groups, none of which is divided"
        in caplog.messages
    )
    data_set, _ = check_data_set(tmp_path / "data_set")
    assert data_set.near_duplicates == {"groups": 24, "val": 0, "test": 0}


def test_of_a_given_split_the_training_photos_go(tmp_path: Path) -> None:
    write_scenes(tmp_path / "source/train", 8)
    write_scenes(tmp_path / "source/val", 8)
    for path in (tmp_path / "source/val").rglob("*-copy.jpg"):
        path.unlink()
    for path in (tmp_path / "source/val").rglob("0[0-3].png"):
        path.unlink()
    for path in (tmp_path / "source/train").rglob("0[4-7].png"):
        path.unlink()
    before, _ = check_data_set(tmp_path / "source")
    assert before.near_duplicates == {"groups": 8, "val": 4}
    prepare(tmp_path / "source", tmp_path / "data_set")
    listing = list_photos(tmp_path / "data_set")
    assert numbers(listing["train"]["a"]) == {"00", "02"}
    assert numbers(listing["val"]["a"]) == {"04", "06"}
    prepare(tmp_path / "source", tmp_path / "as_it_is", Wishes(near_duplicates="ignore"))
    assert len(list_photos(tmp_path / "as_it_is")["train"]["a"]) == 6


def test_groups_of_two_classes_and_large_ones_stay_in_train(tmp_path: Path) -> None:
    classes = {name: tuple(tmp_path / name / str(index) for index in range(10)) for name in "ab"}
    hashes = {path: str(path) for photos in classes.values() for path in photos}
    across = (classes["a"][0], classes["b"][0])
    burst = classes["a"][1:7]
    for seed in range(20):
        splits = split_classes(
            classes, hashes, shares={"val": 0.2}, seed=seed, groups=[across, burst]
        )
        assert set(across) <= {*splits["train"]["a"], *splits["train"]["b"]}
        assert set(burst) <= {*splits["train"]["a"]}
        assert len(splits["val"]["a"]) == len(splits["val"]["b"]) == 2
