"""Labels from a table beside the photos, in the usual spellings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.train.data.test_layouts import draw, splits
from train.data.labels_file import Row, Table, labelled
from train.data.preparing import prepare
from train.data.recognition import read_layout
from train.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

_NOT_THERE = "photos that are not there, or not under one name only"
TWO_OF_EACH = {"train": {"daisy": 2, "rose": 1}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "image,label\n0.jpg,daisy\n1.jpg,daisy\n2.jpg,rose\n"),
        ("labels.csv", "\ufefffilename;species\r\n0.jpg;daisy\r\n1.jpg;daisy\r\n2.jpg;rose\r\n"),
        ("labels.csv", "label,image_id\ndaisy,0\ndaisy,1\nrose,2\n"),
        ("labels.csv", "Image Path,Class\n./pictures/0.jpg,daisy\npictures\\1.jpg,daisy\n2,rose\n"),
        ("labels.csv", "id,label,class_name\n0,0,daisy\n1,0,daisy\n2,1,rose\n"),
        ("labels.csv", "0.jpg,daisy\n1.jpg,daisy\n2.jpg,rose\n"),
        ("labels.csv", "/home/other/0.jpg,daisy\n/home/other/1.jpg,daisy\n2.jpg,rose\n"),
        ("labels.tsv", "file\tcategory\n0.jpg\tdaisy\n1.jpg\tdaisy\n2.jpg\trose\n"),
        ("_classes.csv", "filename, daisy, rose\n0.jpg, 1, 0\n1.jpg, 1, 0\n2.jpg, 0, 1\n"),
        (
            "metadata.jsonl",
            "\n".join(
                json.dumps({"file_name": f"{number}.jpg", "label": label})
                for number, label in enumerate(("daisy", "daisy", "rose"))
            ),
        ),
    ],
)
def test_tables_as_people_write_them(tmp_path: Path, name: str, text: str) -> None:
    draw(tmp_path, "pictures")
    (tmp_path / name).write_text(text, encoding="utf-8")
    layout = read_layout(tmp_path)
    assert splits(tmp_path) == TWO_OF_EACH
    assert layout.told[0].startswith(f"{tmp_path / name}: the labels (photos by ")


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("jalapen\u0303o.jpg", "jalape\u00f1o.jpg"),
        ("jalape\u00f1o.jpg", "jalapen\u0303o.jpg"),
        ("jalapen\u0303o.jpg", "jalape\u00f1o"),
        ("img_1.jpg", "IMG_1.JPG"),
        ("img_1.jpg", "Pictures/IMG_1.JPG"),
    ],
)
def test_names_in_another_case_or_unicode_form(tmp_path: Path, file: str, row: str) -> None:
    draw(tmp_path, "pictures")
    (tmp_path / "pictures/0.jpg").rename(tmp_path / "pictures" / file)
    (tmp_path / "labels.csv").write_text(f"image,label\n{row},daisy\n1,daisy\n2,rose\n")
    assert splits(tmp_path) == TWO_OF_EACH


def test_a_folder_to_the_letter_is_preferred(tmp_path: Path) -> None:
    photos = [tmp_path / "x/a/0.jpg", tmp_path / "y/A/0.jpg"]
    table = Table(
        tmp_path / "labels.csv", "", (Row("a/0.jpg", "daisy", ""), Row("A/0", "rose", ""))
    )
    assert labelled(table, photos, "train") == {
        "train": {"daisy": (photos[0],), "rose": (photos[1],)}
    }


def test_a_name_to_the_letter_is_preferred(tmp_path: Path) -> None:
    draw(tmp_path, "pictures")
    (tmp_path / "pictures/0.jpg").rename(tmp_path / "pictures/a.jpg")
    (tmp_path / "pictures/1.jpg").rename(tmp_path / "pictures/A.jpg")
    table = tmp_path / "labels.csv"
    table.write_text("image,label\na.jpg,daisy\nA,rose\n2,rose\n")
    assert splits(tmp_path) == {"train": {"daisy": 1, "rose": 2}}
    table.write_text("image,label\na.JPG,daisy\n2,rose\n")
    with pytest.raises(DataError, match="not under one name only"):
        read_layout(tmp_path)


def test_splits_of_a_column_of_names_and_of_folders(tmp_path: Path) -> None:
    column = draw(tmp_path / "column", "pictures")
    (column / "all.csv").write_text("image,label,split\n0,a,train\n1,a,Valid\n2,b,test\n")
    assert splits(column) == {"train": {"a": 1}, "val": {"a": 1}, "test": {"b": 1}}
    tables = draw(tmp_path / "tables", "pictures")
    (tables / "train_labels.csv").write_text("image,label\n0.jpg,a\n1.jpg,b\n")
    (tables / "test_labels.csv").write_text("image,label\n2.jpg,a\n")
    assert splits(tables) == {"train": {"a": 1, "b": 1}, "test": {"a": 1}}
    roboflow = draw(tmp_path / "roboflow", "train", "valid")
    for folder in ("train", "valid"):
        (roboflow / folder / "_classes.csv").write_text("filename,a,b\n0.jpg,1,0\n1.jpg,0,1\n")
    assert splits(roboflow) == {"train": {"a": 1, "b": 1}, "val": {"a": 1, "b": 1}}


def test_kaggle_s_table_of_photos_without_labels_is_told(tmp_path: Path) -> None:
    draw(tmp_path, "train", "test")
    (tmp_path / "train.csv").write_text(
        "id,label\n" + "".join(f"train/{i},{i % 2}\n" for i in range(3))
    )
    (tmp_path / "test.csv").write_text("id\n0\n1\n2\n")
    (tmp_path / "sample_submission.csv").write_text("id,label\n0,0\n1,0\n2,0\n")
    layout = read_layout(tmp_path)
    assert {name: len(paths) for name, paths in layout.listing["train"].items()} == {"0": 2, "1": 1}
    assert layout.left_out[:2] == [
        f"{tmp_path / 'sample_submission.csv'}: no table of photos and labels",
        f"{tmp_path / 'test.csv'}: no table of photos and labels",
    ]
    assert layout.left_out[2].startswith("3 photos without a label, such as ")


def test_a_table_that_says_what_the_folders_say_is_no_news(tmp_path: Path) -> None:
    draw(tmp_path, "a", "b")
    (tmp_path / "labels.csv").write_text("image,label\na/0.jpg,a\nb/0.jpg,b\n")
    assert splits(tmp_path) == {"train": {"a": 3, "b": 3}}


def test_a_table_against_the_folders_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, "batch1", "batch2")
    (tmp_path / "labels.csv").write_text("image,label\nbatch1/0.jpg,daisy\nbatch2/0.jpg,rose\n")
    with pytest.raises(DataError, match=r"is 'daisy' in labels\.csv, in the folder 'batch1'; say"):
        read_layout(tmp_path)
    assert splits(tmp_path, labels="labels.csv") == {"train": {"daisy": 1, "rose": 1}}
    assert splits(tmp_path, labels="folders") == {"train": {"batch1": 3, "batch2": 3}}


def test_two_tables_are_refused(tmp_path: Path) -> None:
    draw(tmp_path, "pictures")
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("image,label\n0.jpg,a\n1.jpg,b\n")
    with pytest.raises(DataError, match=r"one.csv and .*two.csv both have labels: name one"):
        read_layout(tmp_path)


def test_all_problems_of_a_table_are_told(tmp_path: Path) -> None:
    draw(tmp_path, "pictures")
    rows = "9.jpg,a\n0.jpg,\n1.jpg,a/b\n2.jpg,a\n2.jpg,b\n"
    (tmp_path / "labels.csv").write_text(f"image,label\n{rows}")
    with pytest.raises(DataError) as caught:
        read_layout(tmp_path)
    table = tmp_path / "labels.csv"
    assert caught.value.problems == (
        f"{table}: 1 {_NOT_THERE}: 9.jpg: correct the table",
        f"{table}: 2 labels that are empty, or contain a slash: 0.jpg, a/b: correct the table",
        f"{table}: 1 photos with several labels or splits: 2.jpg: correct the table",
    )


def test_a_data_set_is_made_of_a_table(tmp_path: Path) -> None:
    draw(tmp_path / "source", "pictures", count=8)
    lines = "".join(f"{index}.jpg,{'ab'[index % 2]}\n" for index in range(8))
    (tmp_path / "source/labels.csv").write_text(f"image,label\n{lines}")
    prepare(tmp_path / "source", tmp_path / "data_set")
    assert splits(tmp_path / "data_set") == {"train": {"a": 3, "b": 3}, "val": {"a": 1, "b": 1}}
