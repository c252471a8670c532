"""No request exceeds its budget, and a too expensive one does not affect its neighbours."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from classifier import decoding
from classifier.images import decode_pixels
from classifier.opening import open_image
from classifier.reference import draw_png
from tests.bodies import as_json, v1, v2

if TYPE_CHECKING:
    from tests.handler.asking import Worker

ROSE, TULIP = draw_png("red-rose"), draw_png("pink-tulip")
COSTS_S = {TULIP: 4.0}


@pytest.fixture
def dear_tulips(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Let tulips cost four seconds; the list has what was decoded."""
    decoded: list[bytes] = []

    def opened(file: bytes, **limits: Any) -> Any:
        found = open_image(file, **limits)
        return dataclasses.replace(found, decode_s=COSTS_S.get(file, 0.01))

    def decode(image: Any, preprocessing: Any) -> Any:
        decoded.append(image.data)
        return decode_pixels(image, preprocessing)

    monkeypatch.setattr(decoding, "open_image", opened)
    monkeypatch.setattr(decoding, "decode_pixels", decode)
    return decoded


@pytest.mark.parametrize("form", [v1, v2])
def test_a_request_over_its_budget_is_refused_and_its_neighbours_answered(
    worker: Worker, dear_tulips: list[bytes], form: Any
) -> None:
    replies = worker.ask(
        [
            {"body": as_json(form(TULIP, TULIP, TULIP))},
            {"body": bytearray(ROSE)},
            {"body": as_json(form(TULIP, TULIP))},
            {"body": bytearray(TULIP)},
        ]
    )
    assert [reply.status for reply in replies] == [413, 200, 200, 200]
    assert replies[0].json["error"].startswith("all images together: expected ")
    assert dear_tulips == [ROSE, TULIP, TULIP, TULIP]


def test_after_the_deadline_what_was_not_begun_gets_503(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, *[1.0] * 2, *[11.0] * 2])  # of the batch, then of each image
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    replies = worker.ask([{"body": bytearray(ROSE)} for _ in range(4)])
    statuses = sorted(reply.status for reply in replies)
    assert statuses == [200, 200, 503, 503]
    for reply, headers in zip(replies, response_headers(worker, 4), strict=True):
        late = reply.status == 503
        assert headers == ({"Retry-After": "1"} if late else {})
        if late:
            assert reply.json["type"] == "Overloaded"
            assert "; send again" in reply.json["message"]


def response_headers(worker: Worker, number: int) -> list[dict[str, str]]:
    return [
        {
            name: value
            for name, value in worker.context.get_response_headers(index).items()
            if name == "Retry-After"
        }
        for index in range(number)
    ]


def test_an_image_alone_is_begun_at_once(worker: Worker, dear_tulips: list[bytes]) -> None:
    assert worker.ask_one({"body": bytearray(TULIP)}).status == 200
    assert dear_tulips == [TULIP]


def test_json_of_many_values_is_refused_whether_or_not_it_was_sent_as_a_file(
    worker: Worker,
) -> None:
    flood = bytearray(b"[" + b"{}," * 20_000 + b"{}]")
    replies = worker.ask([{"body": flood}, {"data": flood}, {"body": bytearray(ROSE)}])
    assert [reply.status for reply in replies] == [413, 413, 200]
