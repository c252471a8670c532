"""A request in each protocol is read, and answered in the same protocol."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from classifier.answers import Answer
from classifier.errors import InvalidImage, InvalidRequest, RequestError, TooLarge
from classifier.protocols import kserve_v1, modelarts, open_inference, torchserve
from classifier.protocols.query import Query, read_query
from tests.bodies import as_json, base64_of, in_bytes, v1, v2

A, B = b"\xff\xd8first", b"\xff\xd8second"
ANSWERS = [
    Answer([("roses", 0.75), ("daisy", 0.25)]),
    Answer([("daisy", 0.5), ("roses", 0.5)]),
]
MODEL = ("flowers", "1.0")
EMPTY = InvalidImage(expected="an image", found="an empty file", remedy="send its bytes")
BROKEN = InvalidImage(expected="an image", found="5 bytes", remedy="check it")


# More parts than the archive allows, so that the parser itself is tried, too.
def read(row: dict[str, Any], max_images: int = 4) -> Query:
    return read_query(in_bytes(row), max_images=max_images, max_json_parts=10**6)


def error_of(row: dict[str, Any]) -> RequestError:
    error = read(row).error
    assert isinstance(error, RequestError)
    assert error.expected
    assert error.found
    assert error.remedy
    return error


@pytest.mark.parametrize(
    ("row", "protocol", "images"),
    [
        ({"body": A}, torchserve, [A]),
        ({"body": bytearray(A)}, torchserve, [A]),
        ({"data": bytearray(A)}, torchserve, [A]),
        ({"data": bytearray(A), "note": "mine"}, torchserve, [A]),
        ({"images": bytearray(A)}, modelarts, [A]),
        ({"images": base64_of(A)}, modelarts, [A]),
        ({"images": base64_of(A)[:4] + "\r\n" + base64_of(A)[4:] + "\n"}, modelarts, [A]),
        ({"body": {"images": base64_of(A)}}, modelarts, [A]),
        ({"body": as_json({"images": base64_of(A)})}, modelarts, [A]),
        ({"body": v1(A)}, kserve_v1, [A]),
        ({"body": v1(A, B)}, kserve_v1, [A, B]),
        ({"body": as_json(v1(A, B))}, kserve_v1, [A, B]),
        ({"body": as_json(v1(A)).decode()}, kserve_v1, [A]),
        ({"body": b" \n" + as_json(v1(A))}, kserve_v1, [A]),
        ({"data": as_json(v1(A))}, kserve_v1, [A]),
        ({"body": {"instances": [{"data": base64_of(A), "target": 0}]}}, kserve_v1, [A]),
        ({"body": v2(A, B)}, open_inference, [A, B]),
        ({"body": v2(A, B, shape=[-1])}, open_inference, [A, B]),
        ({"body": v2(A, shape=[-1, 1])}, open_inference, [A]),
        ({"body": v2(A, B, shape=[2, 1])}, open_inference, [A, B]),
        ({"body": as_json(v2(A) | {"id": "7"})}, open_inference, [A]),
    ],
)
def test_each_form_is_recognised(row: dict[str, Any], protocol: Any, images: list[bytes]) -> None:
    query = read(row)
    assert query.error is None
    assert query.protocol is protocol
    assert list(query.images) == images
    assert len(query.places) == len(images)
    assert all(type(image) is bytes for image in query.images)


def test_an_image_knows_its_place_in_the_request() -> None:
    assert read({"body": A}).places == ("",)
    assert read({"images": A}).places == ("images",)
    assert read({"body": v1(A, B)}).places == ("instances[0]", "instances[1]")
    assert read({"body": v2(A, B)}).places == ("inputs[0].data[0]", "inputs[0].data[1]")


def test_the_place_of_a_bad_image_is_named() -> None:
    query = read({"body": v1(A, B)})
    with pytest.raises(InvalidImage, match=r"^instances\[1\]: expected an image; found 5 bytes; "):
        query.answers([object(), BROKEN])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("row", "protocol", "message"),
    [
        ({}, torchserve, "found an empty request"),
        ({"body": "hello"}, torchserve, "found text"),
        ({"data": "hello"}, torchserve, "found text"),
        ({"note": b"1", "file": A}, torchserve, "found form fields named 'file', 'note'"),
        ({"\x89PNG" + "x" * 90: b""}, torchserve, "found form fields named '\\x89PNG"),
        ({"body": {}}, torchserve, "found an empty request"),
        ({"body": {"image": "abc"}}, torchserve, "found form fields named 'image'"),
        ({"body": b"{"}, torchserve, "expected JSON; found a syntax error (Expecting property"),
        ({"body": b'{"instances": [}'}, torchserve, "expected JSON; found a syntax error"),
        ({"body": b'{"a": "\xff"}'}, torchserve, "expected JSON; found a syntax error"),
        ({"body": b"[1]"}, torchserve, "found a JSON list; wrap it in an object"),
        ({"body": [v1(A)]}, torchserve, "found a JSON list; wrap it in an object"),
        ({"body": b"[" * 100_000}, torchserve, "expected JSON; found a syntax error"),
        ({"body": {"images": 5}}, modelarts, "images: expected an image file as base64 text; "),
        ({"body": {"images": [base64_of(A)]}}, modelarts, "found a JSON list"),
        ({"body": {"images": None}}, modelarts, "found a JSON NoneType"),
        ({"body": {"images": "flower!"}}, modelarts, "found text that is not base64 ("),
        ({"body": {"images": "Gänse"}}, modelarts, "found text that is not base64 ("),
        ({"body": {"images": "QUJ_QUJD"}}, modelarts, "found url-safe base64"),
        ({"body": {"images": "QUJDQU"}}, modelarts, "found base64 without its padding"),
        (
            {"body": {"images": "data:image/jpeg;base64," + base64_of(A)}},
            modelarts,
            "found a data: URL; send the output of `base64 -w0 photo.jpg`",
        ),
        ({"body": {"instances": []}}, kserve_v1, 'found an empty list under "instances"'),
        ({"body": {"instances": {}}}, kserve_v1, 'found a JSON dict under "instances"'),
        ({"body": {"instances": [A.hex()]}}, kserve_v1, 'instances[0]: expected {"instances": '),
        (
            {"body": {"instances": [{"b64": base64_of(A)}, {"image": "x"}]}},
            kserve_v1,
            'instances[1]: expected {"instances": [{"b64": "..."}]}; found an instance without "b6',
        ),
        (
            {"body": {"instances": [{"b64": base64_of(A)}, {"b64": "?"}]}},
            kserve_v1,
            "instances[1]: expected an image file as base64 text; found text that is not base64",
        ),
        ({"body": {"inputs": []}}, open_inference, 'found an empty list under "inputs"'),
        ({"body": {"inputs": ["x"]}}, open_inference, "inputs: expected {"),
        ({"body": v2(A, datatype="FP32")}, open_inference, "found other than one tensor of "),
        (
            {"body": {"inputs": v2(A)["inputs"] * 2}},
            open_inference,
            "inputs: expected {",
        ),
        ({"body": v2()}, open_inference, 'found an empty list under "data"'),
        ({"body": v2(A, data=None)}, open_inference, 'found a JSON NoneType under "data"'),
        (
            {"body": v2(A, B, shape=[3])},
            open_inference,
            "inputs[0]: expected shape [2], as there are 2 elements; found shape [3]; ",
        ),
        ({"body": v2(A, shape=None)}, open_inference, "found shape None"),
        (
            {"body": v2(A, data=[base64_of(A), "?"], shape=[2])},
            open_inference,
            "inputs[0].data[1]: expected an image file as base64 text; ",
        ),
        ({"body": v2(A) | {"id": 7}}, open_inference, 'id: expected text, such as "42"; found a '),
        ({"body": v2(A) | {"id": float("nan")}}, open_inference, "found a JSON float"),
    ],
)
def test_each_mistake_is_named(row: dict[str, Any], protocol: Any, message: str) -> None:
    assert message in str(error_of(row))
    assert type(error_of(row)) is InvalidRequest
    assert read(row).protocol is protocol
    assert read(row).images == ()


def test_the_echo_of_a_mistake_is_short() -> None:
    nested: Any = []
    for _ in range(900):
        nested = [nested]
    for shape in ("x" * 10**6, [9] * 10**6, nested):
        assert len(str(error_of({"body": v2(A, shape=shape)}))) < 300
    assert len(str(error_of({"x" * 10**6: b"", "y" * 10**6: b""}))) < 400


@pytest.mark.parametrize("body", [v1(A, B, A), v2(A, B, A)])
def test_too_many_images_are_refused(body: dict[str, Any]) -> None:
    assert read({"body": body}, max_images=3).error is None
    error = read({"body": body}, max_images=2).error
    assert isinstance(error, TooLarge)
    assert str(error) == (
        "expected at most 2 images per request; found 3; spread them over several requests"
    )


def test_torchserve_replies_with_a_flat_object_best_first() -> None:
    reply = torchserve.write_reply(ANSWERS[:1], {}, MODEL)
    assert list(reply.items()) == [("roses", 0.75), ("daisy", 0.25)]


def test_modelarts_replies_with_label_and_scores() -> None:
    reply = modelarts.write_reply(ANSWERS[:1], {}, MODEL)
    assert reply == {
        "predicted_label": "roses",
        "scores": [("roses", 0.75), ("daisy", 0.25)],
    }


def test_v1_replies_with_an_object_for_each_instance() -> None:
    reply = kserve_v1.write_reply(ANSWERS, {}, MODEL)
    assert reply == {"predictions": [{"roses": 0.75, "daisy": 0.25}, {"daisy": 0.5, "roses": 0.5}]}
    assert [list(prediction) for prediction in reply["predictions"]] == [
        ["roses", "daisy"],
        ["daisy", "roses"],
    ]


def test_v2_replies_with_tensors() -> None:
    reply = open_inference.write_reply(ANSWERS, {"id": "a7", "inputs": []}, MODEL)
    assert reply == {
        "id": "a7",
        "model_name": "flowers",
        "model_version": "1.0",
        "outputs": [
            {
                "name": "label",
                "shape": [2, 2],
                "datatype": "BYTES",
                "data": ["roses", "daisy", "daisy", "roses"],
            },
            {
                "name": "probability",
                "shape": [2, 2],
                "datatype": "FP32",
                "data": [0.75, 0.25, 0.5, 0.5],
            },
        ],
    }


def test_v2_replies_without_an_id_where_none_was_given() -> None:
    assert "id" not in open_inference.write_reply(ANSWERS, {}, MODEL)


@pytest.mark.parametrize("rejected", [True, False])
def test_what_is_none_of_the_classes_is_told_where_there_is_room(rejected: bool) -> None:
    known, asked = ANSWERS[0], dataclasses.replace(ANSWERS[0], rejected=rejected)
    reply = modelarts.write_reply([asked], {}, MODEL)
    assert reply == modelarts.write_reply([known], {}, MODEL) | {"rejected": rejected}
    *outputs, last = open_inference.write_reply([asked, asked], {}, MODEL)["outputs"]
    assert outputs == open_inference.write_reply([known, known], {}, MODEL)["outputs"]
    assert last == {
        "name": "rejected",
        "shape": [2],
        "datatype": "BOOL",
        "data": [rejected, rejected],
    }
    for protocol in (torchserve, kserve_v1):
        assert protocol.write_reply([asked], {}, MODEL) == protocol.write_reply([known], {}, MODEL)


@pytest.mark.parametrize("protocol", [kserve_v1, open_inference])
def test_kserve_errors_have_one_member(protocol: Any) -> None:
    assert protocol.write_error(BROKEN, 400) == {"error": str(BROKEN)}


def test_torchserve_errors_have_the_members_of_its_own() -> None:
    assert torchserve.write_error(BROKEN, 400) == {
        "code": 400,
        "type": "InvalidImage",
        "message": "expected an image; found 5 bytes; check it",
    }


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (EMPTY, "MR.0101", "The input parameter is invalid: expected an image; found an empty "),
        (BROKEN, "MR.0105", "Recognition failed: expected an image; found 5 bytes; check it"),
        (RuntimeError("oh"), "MR.0105", "Recognition failed: oh"),
    ],
)
def test_modelarts_errors_have_its_codes(error: Exception, code: str, message: str) -> None:
    body = modelarts.write_error(error, 400)
    assert list(body) == ["erno", "msg", "words_result"]
    assert body["erno"] == code
    assert body["msg"].startswith(message)
    assert body["words_result"] == {}
