"""Folders as people have them: which become what, what is left out, and what is refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.train.conftest import COLOURS, draw_photo
from train.data.check import check_data_set
from train.data.preparing import Wishes, prepare
from train.data.recognition import read_layout
from train.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def draw(root: Path, *folders: str, count: int = 3) -> Path:
    """Draw photos in folders; each photo shows something else."""
    seed = sum(1 for _ in root.rglob("*"))
    for folder in folders:
        for index in range(count):
            seed += 1
            draw_photo(root / folder / f"{index}.jpg", COLOURS["red"], 1000 + seed)
    return root


def splits(root: Path, **options: object) -> dict[str, dict[str, int]]:
    listing = read_layout(root, **options).listing  # type: ignore[arg-type]
    return {
        split: {name: len(photos) for name, photos in classes.items()}
        for split, classes in listing.items()
    }


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Train", "Val", "Test"),
        ("TRAINING", "validation", "testing"),
        ("train", "valid", "test"),
        ("train", "dev", "test"),
        ("seg_train/seg_train", "seg_dev/seg_dev", "seg_test/seg_test"),
        ("training_set/training_set", "validation_set", "test_set/test_set"),
        ("archive/data/train", "archive/data/valid", "archive/data/test"),
        ("train/train", "val/val", "test/test"),
        ("train2017", "val2017", "test2017"),
    ],
)
def test_splits_by_their_many_names(tmp_path: Path, train: str, val: str, test: str) -> None:
    draw(tmp_path, *(f"{split}/{name}" for split in (train, val, test) for name in ("a", "b")))
    each = {"a": 3, "b": 3}
    assert splits(tmp_path) == {"train": each, "val": each, "test": each}


@pytest.mark.parametrize("above", ["", "photos", "download/photos"])
def test_class_folders_alone(tmp_path: Path, above: str) -> None:
    draw(tmp_path / above, "cats", "dogs/indoors", "dogs/outdoors")
    assert splits(tmp_path) == {"train": {"cats": 3, "dogs": 6}}


def test_a_layout_of_train_and_test_loses_neither(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = draw(tmp_path / "kaggle", "train/a", "train/b", "test/a", "test/b", count=4)
    with caplog.at_level(logging.INFO):
        prepare(source, tmp_path / "data_set")
    assert splits(tmp_path / "data_set") == {
        "train": {"a": 3, "b": 3},
        "val": {"a": 1, "b": 1},
        "test": {"a": 4, "b": 4},
    }
    assert f"{source / 'test'}: the test photos" in caplog.messages


def test_photos_without_labels_are_left_out_and_told(tmp_path: Path) -> None:
    draw(tmp_path, "seg_train/a", "seg_train/b", "seg_test/a", "seg_test/b", "seg_pred")
    layout = read_layout(tmp_path)
    assert list(layout.listing) == ["train", "test"]
    assert layout.left_out == [f"{tmp_path / 'seg_pred'}: neither train, val nor test"]
    flat = draw(tmp_path / "flat", "train/a", "train/b", "test")
    layout = read_layout(flat)
    assert list(layout.listing) == ["train"]
    assert layout.left_out == [
        f"{flat / 'test'}: 3 photos without labels (no class folders)",
    ]


def test_a_train_is_a_vehicle_too(tmp_path: Path) -> None:
    layout = read_layout(draw(tmp_path, "bus", "car", "train"))
    assert sorted(layout.listing["train"]) == ["bus", "car", "train"]
    assert layout.told == [
        f"{tmp_path / 'train'}: a class, since it holds photos, as those beside it do"
    ]


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (("train/a", "train/b", "val/a", "valid/a"), "which folder holds the val photos"),
        (("Train/a", "Train/b", "train/a", "train/b"), "which folder holds the train photos"),
        (("train/a", "train/b", "val/a", "c"), "c: holds photos, and stands beside train, val"),
        (("val/a", "val/b", "test/a", "test/b"), "val, test, and no folder train beside it"),
        (("a/train", "a/test", "b/train", "b/test"), "a: holds train, test, and stands beside"),
        (("set/train/a", "set/val/a", "other/1"), "set: holds train, val, and stands beside"),
        (("train", "test"), "train: photos without class folders; expected train/<class>/"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    tmp_path: Path, folders: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_layout(draw(tmp_path, *folders))
    assert said in str(caught.value)


def test_a_folder_that_is_named_is_left_out(tmp_path: Path) -> None:
    draw(tmp_path, "train/a", "train/b", "val/a", "valid/a")
    assert list(splits(tmp_path, leave_out=["valid"])) == ["train", "val"]


def test_training_itself_reads_other_names_and_tells(
    data_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data_root / "train").rename(data_root / "Training")
    (data_root / "val").rename(data_root / "Valid")
    draw(data_root, "Test/red", "Test/blue")
    with caplog.at_level(logging.INFO):
        data_set, _ = check_data_set(data_root)
    assert [len(data_set.train), len(data_set.val), len(data_set.test)] == [8, 4, 6]
    assert caplog.messages[:3] == [
        f"{data_root / folder}: the {split} photos"
        for folder, split in (("Training", "train"), ("Valid", "val"), ("Test", "test"))
    ]


LITTER = (
    *("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt", "IMG_1.AAE", "IMG_1.MOV"),
    *(".thumbnails/0.jpg", ".ipynb_checkpoints/0-checkpoint.jpg", ".cache/0.jpg"),
    *("@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/._0.jpg"),
)


@pytest.mark.parametrize("place", ["", "train", "train/red", "train/red/more"])
def test_litter_is_left_out_and_counted(
    data_root: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    before, fingerprint = check_data_set(data_root)
    photo = (data_root / "val/red/0.jpg").read_bytes()  # would be a copy, were it read
    for name in LITTER:
        path = data_root / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo)
    with caplog.at_level(logging.WARNING):
        after, with_litter = check_data_set(data_root)
    assert (after, with_litter) == (before, fingerprint)
    assert " and ".join(caplog.messages) == (
        "left out 6 files that are no photos "
        "(1 .aae, 1 .db, 1 .ini, 1 .mov, 1 .txt, 1 hidden) "
        "and 5 folders of systems and programs "
        "(.cache, .ipynb_checkpoints, .thumbnails, @eaDir, __MACOSX)"
    )


def test_a_link_to_a_folder_above_ends(data_root: Path) -> None:
    before, _ = check_data_set(data_root)
    (data_root / "train/red/round").symlink_to(data_root)
    assert check_data_set(data_root)[0] == before


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("Daisy", "daisy", "rose"), "differ only in case or spaces: 'Daisy', 'daisy'"),
        (("caf\xe9", "cafe\u0301", "rose"), r"differ only in the Unicode form of their letters"),
        (("rose", "rose ", "daisy"), "differ only in case or spaces: 'rose', 'rose '"),
    ],
)
def test_names_that_look_the_same(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError) as caught:
        prepare(draw(tmp_path / "source", *names), tmp_path / "data_set")
    assert said in str(caught.value)
    assert "give them one name" in str(caught.value)


def test_names_that_differ_between_splits_in_case_are_told_once(data_root: Path) -> None:
    (data_root / "val/red").rename(data_root / "val/Red")
    with pytest.raises(DataError, match="differ only in case or spaces: 'Red', 'red'") as caught:
        check_data_set(data_root)
    assert len(caught.value.problems) == 1


def test_one_class_only_and_an_empty_class_are_told(tmp_path: Path) -> None:
    source = draw(tmp_path / "source", "photos/daisy")
    with pytest.raises(DataError, match=r"one class only in .*photos \(daisy\)"):
        prepare(source, tmp_path / "data_set")
    (source / "photos/roses").mkdir()
    (source / "photos/roses/film.MOV").touch()
    with pytest.raises(DataError, match=r"no photos in .*photos/roses: add some, or remove"):
        prepare(source, tmp_path / "data_set")


def test_a_wish_for_a_share_of_photos_that_are_there_is_refused(
    data_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="has val photos already, which --val_share cannot"):
        prepare(data_root, tmp_path / "copy", Wishes(val_share=0.3))


def test_test_photos_are_taken_where_they_are_wished_for(tmp_path: Path) -> None:
    source = draw(tmp_path / "source", "a", "b", count=10)
    prepare(source, tmp_path / "data_set", Wishes(val_share=0.2, test_share=0.3))
    assert splits(tmp_path / "data_set") == {
        "train": {"a": 5, "b": 5},
        "val": {"a": 2, "b": 2},
        "test": {"a": 3, "b": 3},
    }


def test_unreadable_photos_are_all_told_by_their_place_and_can_be_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = draw(tmp_path / "source", "a", "b")
    (source / "a/empty.jpg").touch()
    (source / "b/design.psd").write_bytes(b"8BPS" + bytes(40))
    with pytest.raises(DataError) as caught:
        prepare(source, tmp_path / "data_set")
    empty, design, remedy = caught.value.problems
    assert empty == (
        f"{source}/a/empty.jpg: unreadable: an empty file: "
        "copy it again from where it came, or remove it"
    )
    assert design == (
        f"{source}/b/design.psd: unreadable: Photoshop data: "
        "convert it to JPEG or PNG, or remove it"
    )
    assert "--skip-unreadable" in remedy
    with caplog.at_level(logging.WARNING):
        prepare(source, tmp_path / "data_set", Wishes(skip_unreadable=True))
    assert "left out 2 unreadable files" in caplog.messages
    assert splits(tmp_path / "data_set")["train"] == {"a": 2, "b": 2}
