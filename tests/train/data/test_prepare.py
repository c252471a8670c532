"""Sources of photos, their split, and what is left out."""

from __future__ import annotations

import hashlib
import io
import logging
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.train.conftest import COLOURS, draw_photo
from train.data import sources
from train.data.__main__ import main
from train.data.check import check_data_set
from train.data.preparing import Wishes, prepare
from train.data.sources import download_flowers, open_source
from train.data.split import find_duplicates, split_classes
from train.errors import DataError

if TYPE_CHECKING:
    from train.data.data_set import Listing


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Ten photos of each class, and a licence, as in tf_flowers."""
    folder = tmp_path / "flower_photos"
    for offset, (name, colour) in enumerate(COLOURS.items()):
        for index in range(10):
            draw_photo(folder / name / f"{index}.jpg", colour, 100 * offset + index)
    (folder / "LICENSE.txt").write_text("photos by ...")
    return folder


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_folder_is_split_with_its_licence(source: Path, tmp_path: Path) -> None:
    root = tmp_path / "data_set"
    prepare(source, root, Wishes(val_share=0.2))
    data_set, _ = check_data_set(root)
    assert (len(data_set.train), len(data_set.val)) == (16, 4)
    assert (root / "LICENSE.txt").read_text() == "photos by ..."
    assert not list(tmp_path.glob(".data_set.*"))


def test_the_same_photos_are_split_the_same_way(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "once")
    prepare(source, tmp_path / "twice")
    assert names(tmp_path / "once") == names(tmp_path / "twice")
    prepare(source, tmp_path / "other", Wishes(seed=1))
    assert names(tmp_path / "once") != names(tmp_path / "other")


@pytest.mark.parametrize("form", ["gztar", "zip"])
def test_archives_equal_their_folder(source: Path, tmp_path: Path, form: str) -> None:
    archive = shutil.make_archive(str(tmp_path / "photos"), form, tmp_path, source.name)
    prepare(source, tmp_path / "folder")
    prepare(Path(archive), tmp_path / "archive")
    assert names(tmp_path / "folder") == names(tmp_path / "archive")


def test_a_given_split_is_kept(data_root: Path, tmp_path: Path) -> None:
    prepare(data_root, tmp_path / "copy")
    assert names(tmp_path / "copy") == names(data_root)


def test_duplicates_are_left_out_and_told(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copy(source / "red/0.jpg", source / "blue/both.jpg")
    shutil.copy(source / "red/1.jpg", source / "red/again.jpg")
    with caplog.at_level(logging.WARNING):
        prepare(source, tmp_path / "data_set")
    assert caplog.messages == [
        "left out blue/both.jpg: in two classes: blue, red",
        "left out red/0.jpg: in two classes: blue, red",
        "left out red/again.jpg: same as 1.jpg, which is kept",
    ]
    assert len(names(tmp_path / "data_set")) == 1 + 19


def test_a_copy_in_both_splits_stays_in_val() -> None:
    train, val = Path("train/a/1"), Path("val/a/1")
    splits: Listing = {"train": {"a": (train,)}, "val": {"a": (val,)}}
    assert find_duplicates(splits, {train: "x", val: "x"}) == {train: "same as 1, which is kept"}


@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=4),
    val_share=st.floats(0.01, 0.99),
    seed=st.integers(0, 99),
)
def test_a_split_is_a_partition_with_every_class_on_both_sides(
    counts: list[int], val_share: float, seed: int
) -> None:
    classes = {
        str(label): tuple(Path(f"{label}/{index}") for index in range(count))
        for label, count in enumerate(counts)
    }
    hashes = {path: str(path) for photos in classes.values() for path in photos}
    splits = split_classes(classes, hashes, shares={"val": val_share}, seed=seed)
    for name, photos in classes.items():
        train, val = splits["train"][name], splits["val"][name]
        assert train
        assert val
        assert sorted(train + val) == sorted(photos)


def test_a_class_of_one_photo_is_refused(source: Path, tmp_path: Path) -> None:
    draw_photo(source / "green/only.jpg", (0, 200, 0), 7)
    with pytest.raises(DataError, match="class green has 1 photo"):
        prepare(source, tmp_path / "data_set")
    assert not (tmp_path / "data_set").exists()


def test_problems_are_told_in_terms_of_the_source(
    source: Path, data_root: Path, tmp_path: Path
) -> None:
    (source / "red/notes.jpg").write_text("no photo")
    with pytest.raises(DataError, match=f"{source}/red/notes.jpg: unreadable: 8 bytes that are"):
        prepare(source, tmp_path / "once")
    (data_root / "val/red").rename(data_root / "val/rot")
    with pytest.raises(DataError, match=f"add photos to {data_root / 'val/red'}"):
        prepare(data_root, tmp_path / "twice")
    assert not (tmp_path / "once").exists()


def test_a_source_without_class_folders(tmp_path: Path) -> None:
    draw_photo(tmp_path / "photos/0.jpg", (1, 2, 3), 0)
    with pytest.raises(DataError, match="no class folders with photos in it"):
        prepare(tmp_path / "photos", tmp_path / "data_set")


def test_an_existing_data_set_is_not_touched(source: Path, data_root: Path) -> None:
    with pytest.raises(DataError, match="exists already: remove it first"):
        prepare(source, data_root)


def test_weights_that_wait_in_the_folder_stay(source: Path, tmp_path: Path) -> None:
    weights = tmp_path / "data_set/resnet34-pre.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    prepare(source, weights.parent)
    assert weights.read_bytes() == b"weights"
    check_data_set(weights.parent)


def test_a_missing_source_names_the_ways(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder or archive; pass a folder, tarball"):
        open_source(tmp_path / "none", tmp_path)


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text.tgz").write_text("hello")
    with pytest.raises(DataError, match="no tarball or zip file"):
        open_source(tmp_path / "text.tgz", tmp_path)


def test_how_names_are_written_is_asked_of_archives_only(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is for archives"):
        prepare(source, tmp_path / "data_set", Wishes(name_encoding="gbk"))


def test_offline_names_the_other_ways(tmp_path: Path) -> None:
    def offline(url: str) -> IO[bytes]:
        raise OSError(f"no route to {url}")

    with pytest.raises(DataError) as caught:
        open_source(None, tmp_path, opener=offline)
    assert "cannot download http://download.tensorflow.org" in str(caught.value)
    assert "make data SOURCE=path" in str(caught.value)


def test_a_download_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"expected SHA-256 {sources.FLOWERS_SHA256}, got"):
        download_flowers(tmp_path / "x.tgz", opener=lambda _: io.BytesIO(b"a login page"))


def test_a_checked_download_is_used(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "f"), "gztar", tmp_path, source.name))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(sources, "FLOWERS_SHA256", digest)
    opened = open_source(None, tmp_path, opener=lambda _: archive.open("rb"))
    assert names(opened / source.name) == names(source)


def test_command_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--source", str(tmp_path / "none"), "--data_url", str(tmp_path / "data_set")]
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith("error: ")
    with pytest.raises(SystemExit, match="2"):
        main(["--val_share", "2"])
