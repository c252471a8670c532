"""A folder full of litter becomes a data set, and a model, as it is; what is left out is told."""

from __future__ import annotations

import json
import logging
import re
import tarfile
import unicodedata
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.train.conftest import TINY
from tests.train.data.test_similar import scene
from train.__main__ import main as train
from train.data.__main__ import main as make_data
from train.data.recognition import list_photos

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_page")]

CLASSES = ("雏菊", "誠")  # in GBK, the second ends with the byte of a backslash
# Folders for the training, validation and test photos; "" for photos whose classes a table tells.
LAYOUTS = {
    "Train, Valid, Test": ("Train", "Valid", "Test"),
    "seg_train/seg_train": ("seg_train/seg_train", "seg_dev/seg_dev", "seg_test/seg_test"),
    "download/training": ("download/training", "download/validation", "download/testing"),
    "a table": ("", "", ""),
}
ENCODING = "gb18030"  # GBK and all other letters
SPLITS = ("train", "val", "test")
# Names that some systems take for one: they differ in case, or in the form of a letter.
ALIKE = ("rose.jpg", "Rose.JPG", "caf\xe9.jpg", unicodedata.normalize("NFD", "caf\xe9.jpg"))
PHOTOS = {
    "train": ("0.jpg", "1.jpg", "2.png", "more/deep.avif", *ALIKE),
    "val": ("0.jpg", "more/deep.webp"),
    "test": ("0.jpg", "1.tif"),
}
LITTER = ("Thumbs.db", "desktop.ini", "notes.txt", "IMG_1.AAE", "IMG_1.MOV", ".DS_Store", "._0.jpg")
LITTER_FOLDERS = (".thumbnails", ".ipynb_checkpoints", ".cache/large", "@eaDir/0.jpg", "__MACOSX/a")
UNREADABLE = {
    "cut.jpg": "a JPEG file that breaks off or is damaged",
    "design.psd": "Photoshop data",
    "empty.png": "an empty file",
    "iphone.heic": "HEIC data",
    "page.jpg": "an HTML page",
}


def draw_mess(root: Path, layout: str) -> Path:
    """Draw photos in a layout, near-duplicates and unreadable ones too, and litter everywhere."""
    rows = ["image,label,split"]
    seed = 0

    def add(split: str, label: str, name: str) -> Path:
        above = LAYOUTS[layout][SPLITS.index(split)]
        path = root / above / label / name if above else root / "pictures" / name
        path = path if above else path.with_name(f"{split}-{label}-{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.append(f"{path.relative_to(root)},{label},{split}")
        return path

    for label in CLASSES:
        for split, names in PHOTOS.items():
            for name in names:
                seed += 1
                scene(seed).save(add(split, label, name))
        # Messengers' copies of a test photo, one of them in the same split.
        for split, quality in (("train", 60), ("test", 70)):
            scene(seed).save(add(split, label, "copy.jpg"), quality=quality)
    photo = next(root.rglob("*0.jpg")).read_bytes()
    contents = [photo[:900], b"8BPS\0\1" + bytes(40), b"", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"]
    contents.append(b"<!DOCTYPE html><title>Not found</title>")
    for name, content in zip(UNREADABLE, contents, strict=True):
        add("train", CLASSES[0], name).write_bytes(content)
    drop_litter(root, photo)
    if layout == "a table":
        (root / "labels.csv").write_text("\n".join(rows), encoding="utf-8-sig")
    return root


def drop_litter(root: Path, photo: bytes) -> None:
    """Put litter into each folder; were it read, each piece would be a copy of a photo."""
    for folder in [path for path in (root, *root.rglob("*")) if path.is_dir()]:
        for name in LITTER:
            (folder / name).write_bytes(photo)
        for name in LITTER_FOLDERS:
            (folder / name).mkdir(parents=True)
            (folder / name / "0.jpg").write_bytes(photo)


def pack(folder: Path, form: str) -> Path:
    """Pack a folder: as tgz with its name above, or as Windows in China makes zip files.

    The names in those are in GBK (with its extension), not marked as such, and have backslashes.
    """
    archive = folder.with_suffix(f".{form}")
    if form == "tgz":
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(folder, folder.name)
        return archive
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [str(path.relative_to(folder)).replace("/", "\\") for path in paths]
    coded = [name.encode(ENCODING) for name in names]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for number, (path, name) in enumerate(zip(paths, coded, strict=True)):
            zipped.write(path, _stand_in(number, name))
    content = archive.read_bytes()
    for number, name in enumerate(coded):
        content = content.replace(_stand_in(number, name).encode(), name)
    archive.write_bytes(content)
    return archive


def _stand_in(number: int, name: bytes) -> str:
    return f"<{number:0{len(name) - 2}}>"  # as long, and no part of another


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mess_becomes_a_data_set_and_a_model(
    tmp_path: Path, layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = draw_mess(tmp_path / "photos", layout)
    made = {}
    for source in (folder, pack(folder, "zip"), pack(folder, "tgz")):
        root = tmp_path / f"from_{source.suffix}"
        arguments = ["--data_url", str(root), "--source", str(source)]
        arguments += ["--name_encoding", ENCODING] if source.suffix == ".zip" else []
        assert make_data(arguments) == 1
        caplog.clear()
        with caplog.at_level(logging.INFO):
            assert make_data([*arguments, "--skip-unreadable"]) == 0
        assert_told(caplog.messages, source)
        made[root] = {split: count(classes) for split, classes in list_photos(root).items()}
    counts = {split: len(names) for split, names in PHOTOS.items()} | {"test": 3}
    expected = {split: dict.fromkeys(CLASSES, number) for split, number in counts.items()}
    assert list(made.values()) == [expected] * 3
    assert_trains(next(iter(made)), tmp_path)


def count(classes: Mapping[str, Sequence[Path]]) -> dict[str, int]:
    return {name: len(photos) for name, photos in classes.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mess_is_trained_on_as_it_is(
    tmp_path: Path, layout: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = draw_mess(tmp_path / "photos", layout)
    with caplog.at_level(logging.INFO):
        assert_trains(source, tmp_path, "--skip-unreadable")
    assert_told(caplog.messages, source)


def assert_told(messages: list[str], source: Path) -> None:
    """Check that all that was left out is told."""
    told = "\n".join(messages)
    for name, why in UNREADABLE.items():
        assert re.search(rf"left out .*{re.escape(name)}: unreadable: {re.escape(why)}", told), name
    assert "left out 5 unreadable files" in told
    assert source.name in told
    assert "unpacked" not in told
    (litter,) = (line for line in messages if "files that are no photos" in line)
    folders = [name.partition("/")[0] for name in LITTER_FOLDERS]
    kinds = (".aae", ".db", ".ini", ".mov", ".txt", "hidden", *folders)
    missing = [kind for kind in kinds if not re.search(rf"\d+ {re.escape(kind)}\b", litter)]
    assert not missing, litter


def assert_trains(data_set: Path, work: Path, *options: str) -> None:
    """Train for one epoch, without editing the data set."""
    before = {path: path.stat().st_mtime_ns for path in data_set.rglob("*")}
    urls = ["--data_url", str(data_set), "--train_url", str(work / "artifacts")]
    settings = [word for setting in (*TINY, "epochs=1") for word in ("--set", setting)]
    assert train([*urls, "--eval_url", str(work / "out"), *settings, *options]) == 0
    assert {path: path.stat().st_mtime_ns for path in data_set.rglob("*")} == before
    labels = json.loads((work / "artifacts/index_to_name.json").read_text(encoding="utf-8"))
    assert sorted(labels.values()) == sorted(CLASSES)
