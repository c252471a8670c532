"""Any request becomes images or an error for its sender."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import RequestError
from classifier.protocols.query import Query, read_query
from tests.bodies import v1, v2

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
surrogates = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2)
json_values = st.recursive(
    scalars | surrogates | st.sampled_from(["QUJD", "BYTES", "data:,", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["b64", "data", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
tensors = st.fixed_dictionaries(
    {},
    optional={
        "name": json_values,
        "datatype": st.just("BYTES") | json_values,
        "shape": st.lists(st.integers(0, 3), max_size=2) | json_values,
        "data": st.lists(st.just("QUJD") | json_values, max_size=3),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "images": json_values,
        "instances": json_values | st.lists(st.just({"b64": "QUJD"}) | json_values, max_size=3),
        "inputs": json_values | st.lists(tensors, max_size=2),
        "id": json_values,
        "body": json_values,
        "data": json_values,
    },
)


def assert_images_or_error(query: Query) -> None:
    if query.error is None:
        assert query.images
        assert all(type(image) is bytes for image in query.images)
        assert len(query.places) == len(query.images)
    else:
        assert isinstance(query.error, RequestError)  # and no bug of ours
        assert query.error.expected
        assert query.error.found
        assert query.error.remedy
        assert query.images == ()
    status = 400
    json.dumps(query.protocol.write_error(query.error or ValueError(), status))


def ways_to_send(value: Any) -> list[dict[str, Any]]:
    """Return the rows that TorchServe makes of a JSON value, decoded or not."""
    text = json.dumps(value)
    return [{"body": value}, {"body": bytearray(text.encode())}, {"body": text}, {"data": value}]


@given(json_values | bodies)
def test_any_json_becomes_images_or_an_error(value: Any) -> None:
    for row in ways_to_send(value):
        assert_images_or_error(read_query(row, max_images=2, max_json_parts=10_000))


@given(bodies)
def test_any_form_fields_become_images_or_an_error(row: dict[str, Any]) -> None:
    assert_images_or_error(read_query(row, max_images=2, max_json_parts=10_000))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_become_images_or_an_error(body: bytes) -> None:
    for start in (b"", b"{", b"[", b'{"instances": ', b'{"inputs": [{"datatype": "BYTES", '):
        assert_images_or_error(
            read_query({"body": bytearray(start + body)}, max_images=2, max_json_parts=10_000)
        )


@pytest.mark.parametrize("depth", range(900, 1000, 3))
def test_deeply_nested_json_becomes_an_error(depth: int) -> None:
    # Around the interpreter's limit, what can be decoded cannot always be shown or encoded again.
    nested = "[" * depth + "]" * depth
    request_v1, request_v2 = json.dumps(v1(b"ABC")), json.dumps(v2(b"ABC"))
    for body in (
        nested,
        request_v1.replace('"QUJD"', nested),
        request_v2.replace('"QUJD"', nested),
        request_v2.replace("[1]", nested),
        request_v2.replace('"BYTES"', nested),
        f'{{"id": {nested}, {request_v2[1:]}',
    ):
        query = read_query({"body": bytearray(body.encode())}, max_images=2, max_json_parts=10_000)
        assert query.error
        assert_images_or_error(query)
