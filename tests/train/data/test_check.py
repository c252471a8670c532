"""Each problem of a data set gets its message."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from train.data.check import check_data_set
from train.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def problems(root: Path) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        check_data_set(root)
    return caught.value.problems


def test_a_missing_data_set_tells_the_layout(tmp_path: Path) -> None:
    train, val = problems(tmp_path / "none")
    assert train.startswith(f"no classes in {tmp_path / 'none/train'}: expected")
    assert "make data SOURCE=" in val


def test_a_missing_split(data_root: Path) -> None:
    shutil.rmtree(data_root / "val")
    (problem,) = problems(data_root)
    assert problem.startswith(f"no classes in {data_root / 'val'}")


def test_an_empty_class(data_root: Path) -> None:
    for path in (data_root / "train/red").iterdir():
        path.unlink()
    (data_root / "train/red/.hidden").touch()
    assert problems(data_root) == (
        f"no photos in {data_root / 'train/red'}: add some, or remove the folder",
    )


def test_a_single_class(data_root: Path) -> None:
    shutil.rmtree(data_root / "train/red")
    shutil.rmtree(data_root / "val/red")
    (problem,) = problems(data_root)
    assert problem.startswith(f"one class only in {data_root / 'train'}")


def test_classes_that_differ_between_the_splits(data_root: Path) -> None:
    (data_root / "val/red").rename(data_root / "val/rot")
    assert problems(data_root) == (
        f"class red is in train but not in val: add photos to {data_root / 'val/red'}",
        f"class rot is in val but not in train: add photos to {data_root / 'train/rot'}",
    )


def test_unreadable_files(data_root: Path) -> None:
    photo = data_root / "train/red/0.jpg"
    photo.write_bytes(photo.read_bytes()[:300])
    (data_root / "val/blue/notes.jpg").write_text("no photo")
    broken, text, remedy = problems(data_root)
    assert broken.startswith("train/red/0.jpg: unreadable: a JPEG file that is damaged")
    assert broken.endswith("copy it again from where it came, or remove it")
    assert text.startswith("val/blue/notes.jpg: unreadable: ")
    assert "2 unreadable files" in remedy
    assert "--skip-unreadable" in remedy
    data_set, fingerprint = check_data_set(data_root, skip_unreadable=True)
    assert (len(data_set.train), len(data_set.val)) == (7, 4)
    (data_root / "train/red/0.jpg").unlink()
    (data_root / "val/blue/notes.jpg").unlink()
    assert check_data_set(data_root)[1] == fingerprint


def test_duplicates_across_splits_and_classes(data_root: Path) -> None:
    shutil.copy(data_root / "train/red/0.jpg", data_root / "val/red/copy.jpg")
    shutil.copy(data_root / "train/red/1.jpg", data_root / "train/blue/copy.jpg")
    shutil.copy(data_root / "train/red/2.jpg", data_root / "train/red/harmless.jpg")
    assert problems(data_root) == (
        (
            "the same photo in two classes: "
            "train/blue/copy.jpg, train/red/1.jpg: keep the right one, or none"
        ),
        "the same photo in train and val: train/red/0.jpg, val/red/copy.jpg: keep one of them",
    )


def test_all_problems_are_told_at_once(data_root: Path) -> None:
    (data_root / "val/blue/0.jpg").write_bytes(b"")
    (data_root / "train/green").mkdir()
    with pytest.raises(DataError) as caught:
        check_data_set(data_root)
    assert str(caught.value).startswith("4 problems with the data set:\n  - no photos in ")
