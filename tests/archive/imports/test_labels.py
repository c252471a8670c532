"""Class names are read from every common format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archive.errors import ModelImportError
from archive.imports.labels import check_number, read_class_names

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("tulips", "daisy", "菊")  # in no order
FORMS: dict[str, Any] = {
    "by index": {"0": "tulips", "1": "daisy", "2": "菊"},
    "by index, unsorted": {"2": "菊", "0": "tulips", "1": "daisy"},
    "by name": {"daisy": 1, "tulips": 0, "菊": 2},
    "by name, as text": {"daisy": "1", "tulips": "0", "菊": "2"},
    "TorchServe's": {"0": ["n01", "tulips"], "1": ["n02", "daisy"], "2": ["n03", "菊"]},
    "a list": ["tulips", "daisy", "菊"],
    "ModelArts' index": {"labels_list": ["tulips", "daisy", "菊"], "is_multilabel": False},
}


def read(path: Path, content: Any, encoding: str = "utf-8") -> tuple[str, ...]:
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text.encode(encoding))
    return read_class_names(path)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_names_in_the_order_of_the_outputs(form: str, tmp_path: Path) -> None:
    assert read(tmp_path / "labels", FORMS[form]) == NAMES


@pytest.mark.parametrize(
    "text", ["tulips\ndaisy\n菊\n", "tulips\r\ndaisy\r\n菊", "\n tulips\ndaisy \n菊\n\n"]
)
def test_a_text_file_has_a_name_a_line(text: str, tmp_path: Path) -> None:
    assert read(tmp_path / "labels.txt", text) == NAMES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("form", ["by index", "text"])
def test_the_encodings_of_windows_are_read(encoding: str, form: str, tmp_path: Path) -> None:
    content = FORMS.get(form, "tulips\ndaisy\n菊")
    assert read(tmp_path / "labels", content, encoding) == NAMES


def test_names_that_are_numbers_are_not_taken_for_indices(tmp_path: Path) -> None:
    assert read(tmp_path / "labels", {"0": "7", "1": "3"}) == ("7", "3")
    assert read(tmp_path / "labels", {"7": 0, "3": 1}) == ("7", "3")


def test_imagenets_two_cranes_are_told_apart(tmp_path: Path) -> None:
    pairs = {"0": ["n02012849", "crane"], "1": ["n03126707", "crane"], "2": ["n01440764", "tench"]}
    assert read(tmp_path / "labels", pairs) == ("crane (n02012849)", "crane (n03126707)", "tench")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"0": "daisy", "2": "roses"}, "no class name for index 1; expected 0 to 1"),
        ({"1": "daisy", "2": "roses"}, "index 0; .* do they start at 1?"),
        ({"daisy": 0, "roses": 0}, "index 0 belongs to daisy and roses"),
        ('{"0": "daisy", "0": "roses"}', "duplicate keys in a JSON object: 0"),
        (["daisy", "daisy"], "duplicate class names: daisy"),
        (["daisy", ""], "class 1 has no name"),
        ({"0": "daisy", "1": None}, "class 1 has no name"),
        ({"daisy": "roses"}, "its keys are no indices, nor are its values; expected"),
        ({}, "holds no class names; expected"),
        ("", "holds no class names; expected"),
        ('{"0": "daisy"', "damaged JSON"),
        (b"\x00\x01\xff".decode("latin-1"), "is not text"),
    ],
)
def test_gaps_and_duplicates_are_refused(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelImportError, match=message) as caught:
        read(tmp_path / "labels", content, "latin-1" if content == "\x00\x01\xff" else "utf-8")
    assert "\n" not in str(caught.value)


def test_the_head_and_the_labels_must_agree() -> None:
    check_number(("a", "b"), 2, "labels.txt")
    with pytest.raises(ModelImportError, match=r"labels\.txt: has 2 class names.* 5 outputs"):
        check_number(("a", "b"), 5, "labels.txt")
