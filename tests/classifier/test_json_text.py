"""JSON is counted before it is parsed."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import TooLarge
from classifier.protocols.json_text import looks_like_json, parse_json
from classifier.protocols.query import read_query
from tests.bodies import as_json, v1, v2

NO_LIMIT = 10**9
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)
FLOODS = {
    "empty objects": b"[" + b"{}," * 20_000 + b"{}]",
    "members": b"{" + b",".join(b'"%d":1' % i for i in range(20_000)) + b"}",
    "depth": b"[" * 20_000,
    "depth, again and again": b"[" + (b"[" * 500 + b"]" * 500 + b",") * 40 + b"1]",
}


def count(value: Any) -> int:
    """Count the values of a decoded JSON value, itself included."""
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


@given(values.filter(lambda value: isinstance(value, dict | list)))
def test_what_has_more_values_than_the_limit_is_never_parsed(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text, NO_LIMIT) == parse_json(text.encode(), NO_LIMIT) == value
    if count(value) > 2:
        with pytest.raises(TooLarge):
            parse_json(text, count(value) - 2)


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS)
@pytest.mark.parametrize("field", ["body", "data"])
def test_a_flood_of_values_is_refused_before_it_is_parsed(field: str, body: bytes) -> None:
    with patch("json.loads", side_effect=AssertionError):
        error = read_query({field: bytearray(body)}, max_images=64, max_json_parts=10_000).error
    assert isinstance(error, TooLarge)
    assert str(error).startswith("expected JSON of at most 10,000 members, elements and braces; ")


@pytest.mark.parametrize("body", [v1(*[b"x" * 50_000] * 64), v2(*[b"x" * 50_000] * 64)])
def test_many_images_are_few_parts(body: dict[str, Any]) -> None:
    assert read_query({"body": as_json(body)}, max_images=64, max_json_parts=300).error is None


def test_white_space_before_json_is_skipped() -> None:
    for space in (" " * 63, " \n\t\r" * 100):
        assert looks_like_json(space + "{}")
        assert looks_like_json(space.encode() + b"[]")
        assert not looks_like_json(space.encode() + b"x")
    assert not looks_like_json(b"")


@pytest.mark.parametrize("form", [v1(b"ABC"), v2(b"ABC")])
def test_json_in_the_fields_of_a_form_is_read(form: dict[str, Any]) -> None:
    # TorchServe decodes it, unless it is told to leave JSON alone.
    row = {name: as_json(value) for name, value in form.items()}
    assert read_query(row, max_images=2, max_json_parts=99).images == (b"ABC",)


def test_base64_in_the_field_of_a_form_is_read() -> None:
    for text in (b"QUJD", b"QUJD" * 50):
        (image,) = read_query({"images": bytearray(text)}, max_images=1, max_json_parts=9).images
        assert image.startswith(b"ABC")
