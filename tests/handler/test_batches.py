"""Each request of a batch has its own answer, and a bad one never harms its neighbours."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from classifier import protocols
from classifier.protocols import kserve_v1
from classifier.reference import draw_png
from tests.bodies import as_json, base64_of, v1, v2
from tests.pictures import SAMPLES

if TYPE_CHECKING:
    from tests.handler.asking import Reply, Worker

ROSE, TULIP = draw_png("red-rose"), draw_png("pink-tulip")
TRUNCATED = ROSE[: len(ROSE) // 2]
PNG = "image/png"
EXPLAIN, DESCRIBE = {"explain": "True"}, {"describe": "True"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
files = st.sampled_from(
    [ROSE, TRUNCATED, b"", b"hello", b"%PDF-", *(s.file for s in SAMPLES.values())]
)
encoded = files.map(base64_of) | st.text(max_size=6)
requests = (
    st.builds(
        lambda name, file: {name: bytearray(file)},
        st.sampled_from(["body", "data", "images"]),
        files,
    )
    | st.builds(lambda file: {"images": file}, encoded)
    | st.builds(lambda group: {"body": v1(*group)}, st.lists(files, max_size=4))
    | st.builds(
        lambda group, i: {"body": as_json(v2(*group) | {"id": i})},
        st.lists(files, max_size=4),
        json_values,
    )
    | st.builds(lambda value: {"body": value}, json_values)
    | st.dictionaries(
        st.sampled_from(["body", "data", "images", "instances", "inputs", "x"]),
        json_values | st.binary(max_size=9) | encoded,
        max_size=3,
    )
)
headers = st.sampled_from(
    [{}, {}, EXPLAIN, DESCRIBE, EXPLAIN | {"Accept": PNG}, {"accept": PNG}, {"explain": "no"}]
)


def test_each_request_of_a_mixed_batch_has_its_own_answer(worker: Worker) -> None:
    replies = worker.ask(
        [
            {"body": bytearray(ROSE)},
            {"body": bytearray(TRUNCATED)},
            {"body": "hello"},
            {},
            {"body": bytearray(TULIP)},
            {"data": bytearray(TULIP)},
            {"body": v1(ROSE, TULIP)},
            {"images": bytearray(TRUNCATED)},
            {"body": bytearray(TRUNCATED)},
        ],
        [{}, {}, {}, DESCRIBE, EXPLAIN, EXPLAIN | {"Accept": PNG}, EXPLAIN, {}, EXPLAIN],
    )
    statuses = [reply.status for reply in replies]
    assert statuses == [200, 400, 400, 200, 200, 200, 200, 400, 400]
    types = [reply.content_type for reply in replies]
    assert types == ["application/json"] * 5 + [PNG] + ["application/json"] * 3
    rose, truncated, text, described, explained, both, modelarts, unexplained = (
        reply.json for reply in replies if reply.content_type != PNG
    )
    assert list(rose) == list(worker.ask_one({"body": ROSE}).json)
    assert "breaks off or is damaged" in truncated["message"]
    assert "found text" in text["message"]
    assert described["labels"] == ["daisy", "roses", "tulips"]
    assert np.shape(explained["class_activation_map"]) == (7, 7)
    assert len(both["explanations"]) == 2
    assert modelarts["erno"] == "MR.0105"
    assert unexplained == truncated


def test_the_answers_of_a_batch_are_those_of_its_requests_alone(worker: Worker) -> None:
    rows: list[dict[str, Any]] = [
        {"body": v1(ROSE, TULIP, ROSE)},
        {"body": bytearray(b"hello")},
        {"images": bytearray(TULIP)},
        {"body": v2(TULIP, ROSE)},
        {"body": v1(ROSE, b"")},
        {"data": bytearray(ROSE)},
    ]
    for reply, row in zip(worker.ask(rows), rows, strict=True):
        alone = worker.ask_one(row)
        assert reply.status == alone.status
        assert_close(reply.json, alone.json)


def test_an_empty_batch_has_no_answers(worker: Worker) -> None:
    assert worker.ask([]) == []


@settings(max_examples=25)
@given(st.lists(st.tuples(requests, headers), min_size=1, max_size=5))
def test_any_rows_have_an_answer_each(
    worker: Worker, batch: list[tuple[dict[str, Any], dict[str, str]]]
) -> None:
    rows, row_headers = zip(*batch, strict=True)
    for reply in worker.ask(list(rows), list(row_headers)):
        assert_well_formed(reply)


@pytest.mark.parametrize("depth", range(930, 1000, 6))
def test_deeply_nested_json_is_answered(worker: Worker, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    body = json.dumps(v2(b"hello"))
    texts = (nested, f'{{"id": {nested}, {body[1:]}', body.replace("[1]", nested))
    for reply in worker.ask([{"body": bytearray(text.encode())} for text in texts]):
        assert reply.status == 400
        assert_well_formed(reply)


@pytest.mark.parametrize("function", ["read_images", "write_reply"])
def test_a_bug_fails_its_own_request_alone_and_is_logged(
    worker: Worker,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(kserve_v1, function, fail)
    with caplog.at_level(logging.ERROR):
        first, failed, last = worker.ask([{"body": ROSE}, {"body": v1(ROSE)}, {"images": ROSE}])
    assert (first.status, failed.status, last.status) == (200, 500, 200)
    assert set(failed.json) == {"error"}
    (record,) = caplog.records
    assert record.exc_info
    assert isinstance(record.exc_info[1], RuntimeError)


def test_a_bug_before_the_protocol_is_known_is_answered_as_torchserve_does(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "PROTOCOLS", ())
    reply = worker.ask_one({"body": ROSE})
    assert reply.status == 500
    assert reply.json["code"] == 500


def test_a_bug_in_decoding_fails_its_own_request_alone(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("classifier.images.to_8_bit", lambda _: 1 / 0)
    wide = SAMPLES["PNG I;16"].file
    with caplog.at_level(logging.ERROR):
        replies = worker.ask([{"body": ROSE}, {"body": v1(ROSE, wide)}, {"body": wide}])
    assert [reply.status for reply in replies] == [200, 500, 500]
    assert len(caplog.records) == 2


def test_requests_at_fault_are_not_logged_as_bugs(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        worker.ask([{"body": "hello"}, {"body": TRUNCATED}, {}])
    assert {record.levelname for record in caplog.records} == {"INFO"}
    assert not any(record.exc_info for record in caplog.records)


def assert_well_formed(reply: Reply) -> None:
    assert reply.status == 200 or 400 <= reply.status < 500
    if isinstance(reply.body, bytes):
        assert reply.content_type == PNG
        with Image.open(io.BytesIO(reply.body)) as image:
            assert image.size == (224, 224)
    else:
        assert isinstance(reply.json, dict)


def assert_close(found: Any, expected: Any) -> None:
    """Compare JSON values, numbers up to rounding."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            assert_close(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found == expected
