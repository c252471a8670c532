"""One photo, many photos, explanations."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from client.api.inference import InferenceClient
from client.api.predictions import Prediction
from client.errors import (
    ClientError,
    LocalFileError,
    ModelNotFound,
    RequestRejected,
    UnexpectedReply,
)
from tests.client import replies
from tests.client.fakes import Script, answering, reply, scripted_transport, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG = b"\x89PNG\r\n\x1a\n"


def client_of(script: Script, model: str = "flowers", version: str | None = None) -> Any:
    return InferenceClient(model=model, version=version, transport=scripted_transport(script))


def test_a_prediction_is_typed_and_best_first() -> None:
    prediction = client_of(Script(reply(200, {"tulips": 0.1, "daisy": 0.9}))).predict(b"photo")

    assert prediction == Prediction((("daisy", 0.9), ("tulips", 0.1)))
    assert (prediction.label, prediction.probability) == ("daisy", 0.9)


def test_the_photo_is_sent_as_it_is(tmp_path: Path) -> None:
    script = Script(reply(200, replies.PREDICTION))
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8photo")

    client_of(script).predict(tmp_path / "a.jpg")

    assert script.sent[0].body == b"\xff\xd8photo"
    # not as text or JSON, which TorchServe would decode
    assert script.sent[0].headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("model", "version", "target"),
    [
        ("flowers", None, "/predictions/flowers"),
        ("flowers", "1.0", "/predictions/flowers/1.0"),
        ("a/b?c", "1 2", "/predictions/a%2Fb%3Fc/1%202"),
    ],
)
def test_model_and_version_stand_in_the_path(model: str, version: str, target: str) -> None:
    script = Script(reply(200, replies.PREDICTION))
    client_of(script, model, version).predict(b"photo")

    assert script.targets == [f"POST {target}"]


def test_a_prediction_survives_one_reset_and_one_dead_worker() -> None:
    reset = requests.ConnectionError(ProtocolError("aborted", ConnectionResetError()))
    script = Script(reset, reply(500, replies.WORKER_DIED), reply(200, replies.PREDICTION))

    assert client_of(script).predict(b"photo").label == "daisy"
    assert [request.body for request in script.sent] == [b"photo"] * 3


def test_the_servers_words_reach_the_caller() -> None:
    with pytest.raises(RequestRejected, match="expected a JPEG; found text; send a photo"):
        client_of(Script(reply(400, replies.NOT_AN_IMAGE))).predict(b"text")
    with pytest.raises(ModelNotFound, match="nope"):
        client_of(Script(reply(404, replies.NO_MODEL)), "nope").predict(b"photo")


@pytest.mark.parametrize("body", [b"", b"\xff", "text", [], {}, 1, None, {"daisy": "high"}])
def test_another_answer_is_no_prediction(body: Any) -> None:
    with pytest.raises(UnexpectedReply):
        client_of(Script(reply(200, body))).predict(b"photo")


def test_an_explanation_is_json_or_a_picture() -> None:
    script = Script(reply(200, {"label": "daisy"}), reply(200, PNG), reply(200, {"cam": []}))
    client = client_of(script)

    assert client.explain(b"photo") == {"label": "daisy"}
    assert client.explain_png(b"photo") == PNG
    with pytest.raises(UnexpectedReply):
        client.explain_png(b"photo")
    assert script.targets == ["POST /explanations/flowers"] * 3
    assert [request.headers["Accept"] for request in script.sent] == [
        "application/json",
        "image/png",
        "image/png",
    ]


def test_ping_gives_the_servers_word() -> None:
    assert client_of(Script(reply(200, {"status": "Healthy"}))).ping() == "Healthy"


class Crowd:
    """A server that counts the photos under way, and can hold them all."""

    def __init__(self, *, hold: bool = False) -> None:
        self._under_way = 0
        self._held = hold
        self._changed = threading.Condition()

    def answer(self, _method: str, _path: str, body: bytes, _token: str) -> tuple[int, Any]:
        """Answer with the photo's own name, once photos are not held."""
        with self._changed:
            self._under_way += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._held, timeout=10)
            self._under_way -= 1
        return (400, replies.NOT_AN_IMAGE) if body == b"bad" else (200, {body.decode(): 1.0})

    def comes_to(self, count: int, within_s: float) -> bool:
        """Whether so many are under way at a time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._under_way >= count, within_s)

    def release(self) -> None:
        """Hold no longer."""
        with self._changed:
            self._held = False
            self._changed.notify_all()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number:02}.jpg" for number in range(24)]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def test_many_photos_keep_their_order_and_a_bad_one_harms_no_other(photos: list[Path]) -> None:
    photos[5].write_bytes(b"bad")
    photos[7].unlink()
    crowd = Crowd()

    with serving(answering(crowd.answer)) as url:
        results = list(InferenceClient(url).predict_many(photos, concurrency=4))

    assert [path for path, _ in results] == photos
    for number, (path, result) in enumerate(results):
        if number == 5:
            assert isinstance(result, RequestRejected)
        elif number == 7:
            assert isinstance(result, LocalFileError)
        else:
            assert isinstance(result, Prediction)
            assert result.label == path.name


def test_as_many_requests_are_under_way_as_allowed_and_no_more(photos: list[Path]) -> None:
    crowd = Crowd(hold=True)

    def watched() -> Iterator[Path]:
        for number, photo in enumerate(photos):
            if number == 7:  # seven were given out, of which four may be under way
                assert crowd.comes_to(4, within_s=10)
                assert not crowd.comes_to(5, within_s=0.2)
                crowd.release()
            yield photo

    with serving(answering(crowd.answer)) as url:
        results = list(InferenceClient(url).predict_many(watched(), concurrency=4))

    assert len(results) == len(photos)
    assert not any(isinstance(result, ClientError) for _, result in results)


def test_photos_are_taken_only_as_they_are_needed() -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield Path("missing.jpg")

    results = client_of(Script(reply())).predict_many(endless(), concurrency=3)
    next(results)
    assert taken == 6
    results.close()
    assert taken == 6


def test_no_concurrency_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="such as 8"):
        client_of(Script(reply())).predict_many([], concurrency=0)
