"""`index_to_name.json`: what is written is read, and every damage has its message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import ModelError
from classifier.labels import read_labels, write_labels

if TYPE_CHECKING:
    from pathlib import Path

names = st.text(min_size=1).filter(str.strip)


@given(st.lists(names, min_size=1, max_size=20, unique=True))
def test_reading_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, class_names: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "labels.json"
    write_labels(path, class_names)
    assert read_labels(path) == tuple(class_names)


def test_the_form_is_that_of_torchserve_and_modelarts(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    write_labels(path, ["daisy", "蒲公英"])
    assert path.read_text(encoding="utf-8") == '{\n  "0": "daisy",\n  "1": "蒲公英"\n}\n'


def test_indices_are_numbers_and_not_text(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    class_names = [f"class {index}" for index in range(12)]
    write_labels(path, class_names)
    lines = path.read_text(encoding="utf-8").splitlines()[1:-1]
    shuffled = ",".join(line.rstrip(",") for line in sorted(lines, reverse=True))
    path.write_text(f"{{{shuffled}}}", encoding="utf-8")
    assert read_labels(path) == tuple(class_names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the class names: Expecting value"),
        ("{", "cannot read the class names: Expecting property name"),
        ('["daisy"]', 'expected an object such as {"0": "daisy"}'),
        ("{}", "no class names"),
        ('{"1": "daisy"}', 'expected the keys "0" to "0", found [\'1\']'),
        ('{"0": "daisy", "01": "roses"}', "expected the keys \"0\" to \"1\", found ['0', '01']"),
        ('{"0": "daisy", "2": "roses"}', "expected the keys \"0\" to \"1\", found ['0', '2']"),
        ('{"0": ""}', "class 0 has no name, found ''"),
        ('{"0": "daisy", "1": " "}', "class 1 has no name, found ' '"),
        ('{"0": "daisy", "1": null}', "class 1 has no name, found None"),
        ('{"0": 7}', "class 0 has no name, found 7"),
        ('{"0": ["daisy", "n1"]}', "class 0 has no name, found ['daisy', 'n1']"),
        (
            '{"0": "roses", "1": "daisy", "2": "roses"}',
            "class names must be distinct, found twice: roses",
        ),
    ],
)
def test_a_malformed_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=re.escape(f"{path}: {message}")):
        read_labels(path)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes('{"0": "Gänseblümchen"}'.encode("latin-1"))
    with pytest.raises(ModelError, match="cannot read the class names: 'utf-8' codec"):
        read_labels(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"labels\.json: cannot read the class names: .*No such"):
        read_labels(tmp_path / "labels.json")


@pytest.mark.parametrize("class_names", [[], [""], ["daisy", " "], ["daisy", "daisy"]])
def test_wrong_names_are_not_written(tmp_path: Path, class_names: list[str]) -> None:
    path = tmp_path / "labels.json"
    with pytest.raises(ModelError):
        write_labels(path, class_names)
    assert not path.exists()
