"""Forms are counted before they are taken apart."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import InvalidRequest, TooLarge
from classifier.protocols import modelarts
from classifier.protocols.form import MAX_PARTS, looks_like_form, parse_form
from classifier.protocols.query import read_query
from tests.bodies import as_json, v1

names = st.text(st.characters(exclude_characters='"\\\r\n\0', codec="utf-8"), max_size=20)


def form(fields: dict[str, Any]) -> bytearray:
    """Write a form as `requests` does."""
    prepared = requests.Request("POST", "http://x", files=fields).prepare()
    assert isinstance(prepared.body, bytes)
    return bytearray(prepared.body)


def flood(parts: int) -> bytearray:
    part = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    return bytearray(part * parts + b"--B--\r\n")


@given(st.dictionaries(names, st.binary(max_size=50), min_size=1, max_size=5))
def test_a_form_gives_what_was_put_into_it(fields: dict[str, bytes]) -> None:
    body = form({name: ("photo.jpg", value) for name, value in fields.items()})
    assert looks_like_form(body)
    assert parse_form(body) == fields


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda noise: b"--B\r\n" + noise))
def test_any_bytes_are_a_form_or_get_a_message(body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        assert all(isinstance(value, bytes) for value in parse_form(body).values())


def test_names_need_no_quotes_and_a_name_is_no_filename() -> None:
    body = (
        b"--B \r\nContent-Type: image/jpeg\r\n"
        b'content-disposition: form-data; filename="x"; name=data\r\n\r\n1\r\n--B--\r\n'
    )
    assert parse_form(body) == {"data": b"1"}


@pytest.mark.parametrize(
    "body",
    [
        b"--",
        b"--\r\n",
        b"--B",
        b"--B--\r\n",
        b"--B\r\n\r\n\r\n--B--",
        b'--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n12345',
        b"--B\r\n" + b"x" * 5000 + b'\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--B--',
        b"--" + b"B" * 71 + b'\r\nContent-Disposition: form-data; name="data"\r\n\r\n1',
    ],
)
def test_what_is_no_form_gets_a_message(body: bytes) -> None:
    error = read_query({"body": bytearray(body)}, max_images=1, max_json_parts=9).error
    assert isinstance(error, InvalidRequest)
    assert str(error).startswith("expected a multipart form such as ")


def test_a_form_of_too_many_parts_is_refused_before_it_is_taken_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert parse_form(flood(MAX_PARTS)) == {"x": b""}
    monkeypatch.setattr("classifier.protocols.form._part", None)
    error = read_query({"body": flood(100_000)}, max_images=1, max_json_parts=9).error
    assert isinstance(error, TooLarge)
    assert str(error).startswith("expected a form of at most 128 parts; found 100,000; ")


@pytest.mark.parametrize("field", ["images", "data"])
def test_a_photo_in_a_form_is_the_one_that_was_sent(field: str) -> None:
    photo = b"\xff\xd8\r\n--\r\n--B\r\n\r\n"
    query = read_query({"body": form({field: photo})}, max_images=1, max_json_parts=9)
    assert query.images == (photo,)


def test_json_in_a_form_in_a_body_is_read() -> None:
    for fields in (
        {name: as_json(value) for name, value in v1(b"ABC").items()},
        {"data": as_json(v1(b"ABC"))},
    ):
        assert read_query({"body": form(fields)}, max_images=2, max_json_parts=99).images == (
            b"ABC",
        )


Sent = tuple[str, str | None, bytes]  # field, file name if it is a file, value
PHOTO, OTHER = b"\xff\xd8 one", b"\xff\xd8 two"
BASE64 = base64.b64encode(PHOTO)


def form_of(parts: list[Sent]) -> bytearray:
    prepared = requests.Request(
        "POST", "http://x", files=[(field, (name, value)) for field, name, value in parts]
    ).prepare()
    assert isinstance(prepared.body, bytes)
    return bytearray(prepared.body)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            [("data", "a.jpg", PHOTO), ("data", "b.jpg", OTHER)],
            "2 files, in the fields 'data', 'data'",
        ),
        ([("images", "a.jpg", PHOTO)] * 3, "3 files, in the fields 'images', 'images', 'images'"),
        ([("data", "a.jpg", PHOTO), ("images", "b.jpg", OTHER)], "'data', 'images'"),
        ([("data", "a.jpg", PHOTO), ("more", "b.jpg", OTHER)], "'data', 'more'"),
        ([("images", None, BASE64)] * 2, "'images', 'images'"),
    ],
)
def test_no_photo_of_a_form_vanishes(parts: list[Sent], told: str) -> None:
    query = read_query({"body": form_of(parts)}, max_images=9, max_json_parts=99)
    assert isinstance(query.error, InvalidRequest)
    assert told in str(query.error)
    by_images = any(field == "images" for field, _, _ in parts)
    assert (query.protocol is modelarts) is by_images  # the sender reads the error in his own form


@pytest.mark.parametrize(
    "parts",
    [
        [("data", "a.jpg", PHOTO), ("note", None, b"mine"), ("note", None, b"x")],
        [("more", "a.jpg", b""), ("data", "a.jpg", PHOTO)],  # a file that nobody chose
        [("images", "a.jpg", PHOTO), ("id", None, b"7")],
        [("body", "a.jpg", PHOTO)],
    ],
)
def test_a_form_may_have_values_beside_its_photo(parts: list[Sent]) -> None:
    query = read_query({"body": form_of(parts)}, max_images=9, max_json_parts=99)
    assert query.error is None
    assert query.images == (PHOTO,)
