"""The HTTP contract: each request is answered in its own protocol, errors included."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from archive.build import build
from archive.source import read_source
from classifier.labels import write_labels
from classifier.reference import REFERENCE_NAMES, draw_png, read_reference
from tests.bodies import as_json, base64_of, v1, v2
from tests.handler.asking import Worker
from tests.models import CLASS_NAMES
from tests.pictures import encode

if TYPE_CHECKING:
    from pathlib import Path

ROSE, TULIP = draw_png("red-rose"), draw_png("pink-tulip")
TRUNCATED = ROSE[: len(ROSE) // 2]
TOP_K = 2
Rankings = dict[bytes, list[tuple[str, float]]]


@pytest.fixture(scope="module")
def rankings(model_folder: Path) -> Rankings:
    """The two best classes of each picture, as the evaluation found them."""
    answers = read_reference(model_folder / "reference.json")
    return {
        draw_png(name): sorted(
            zip(CLASS_NAMES, answers[name], strict=True), key=lambda pair: -pair[1]
        )[:TOP_K]
        for name in REFERENCE_NAMES
    }


def assert_ranking(found: Any, expected: list[tuple[str, float]]) -> None:
    """Compare pairs of class and probability, best first."""
    assert [name for name, _ in found] == [name for name, _ in expected]
    np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], atol=1e-6)


@pytest.mark.parametrize("field", ["body", "data"])
def test_torchserve(worker: Worker, rankings: Rankings, field: str) -> None:
    reply = worker.ask_one({field: bytearray(ROSE)})
    assert reply.status == 200
    assert_ranking(reply.json.items(), rankings[ROSE])


@pytest.mark.parametrize(
    "row",
    [
        {"images": bytearray(TULIP)},
        {"body": {"images": base64_of(TULIP)}},
        {"body": as_json({"images": base64_of(TULIP)})},
    ],
    ids=["multipart", "decoded JSON", "JSON"],
)
def test_modelarts(worker: Worker, rankings: Rankings, row: dict[str, Any]) -> None:
    reply = worker.ask_one(row)
    assert reply.status == 200
    assert set(reply.json) == {"predicted_label", "scores"}
    assert reply.json["predicted_label"] == rankings[TULIP][0][0]
    assert_ranking(reply.json["scores"], rankings[TULIP])


def test_kserve_v1(worker: Worker, rankings: Rankings) -> None:
    reply = worker.ask_one({"body": v1(TULIP, ROSE)})
    assert reply.status == 200
    assert set(reply.json) == {"predictions"}
    for prediction, file in zip(reply.json["predictions"], (TULIP, ROSE), strict=True):
        assert_ranking(prediction.items(), rankings[file])


def test_open_inference(worker: Worker, rankings: Rankings) -> None:
    reply = worker.ask_one({"body": v2(TULIP, ROSE) | {"id": "flower 7"}})
    assert reply.status == 200
    body = reply.json
    label, probability = body.pop("outputs")
    assert body == {"model_name": "flowers", "model_version": "1.5", "id": "flower 7"}
    assert (label["name"], label["datatype"], label["shape"]) == ("label", "BYTES", [2, 2])
    assert probability["name"] == "probability"
    assert probability["datatype"] == "FP32"
    assert probability["shape"] == [2, 2]
    pairs = list(zip(label["data"], probability["data"], strict=True))
    assert_ranking(pairs, rankings[TULIP] + rankings[ROSE])


ERRORS = {
    "text": ({"body": "hello"}, 400, "torchserve"),
    "empty": ({}, 400, "torchserve"),
    "truncated": ({"body": bytearray(TRUNCATED)}, 400, "torchserve"),
    "bad JSON": ({"body": bytearray(b'{"instances": [')}, 400, "torchserve"),
    "PDF": ({"body": bytearray(b"%PDF-1.7")}, 415, "torchserve"),
    "bytes": ({"body": bytearray(100_001)}, 413, "torchserve"),
    "pixels": ({"data": encode(Image.new("1", (500, 401)), "PNG")}, 413, "torchserve"),
    "ModelArts, empty": ({"images": bytearray()}, 400, "modelarts"),
    "ModelArts, truncated": ({"images": bytearray(TRUNCATED)}, 400, "modelarts"),
    "ModelArts, PDF": ({"body": {"images": base64_of(b"%PDF-1.7")}}, 415, "modelarts"),
    "v1, no base64": ({"body": {"instances": [{"b64": "?"}]}}, 400, "kserve"),
    "v1, one truncated": ({"body": v1(ROSE, TRUNCATED)}, 400, "kserve"),
    "v1, one PDF": ({"body": v1(ROSE, b"%PDF-1.7")}, 415, "kserve"),
    "v1, too many": ({"body": v1(*[ROSE] * 4)}, 413, "kserve"),
    "v2, wrong shape": ({"body": v2(ROSE, shape=[2])}, 400, "kserve"),
    "v2, one truncated": ({"body": v2(ROSE, TRUNCATED)}, 400, "kserve"),
    "v2, too many": ({"body": v2(*[ROSE] * 4)}, 413, "kserve"),
}
MEMBERS = {
    "torchserve": ["code", "type", "message"],
    "modelarts": ["erno", "msg", "words_result"],
    "kserve": ["error"],
}


@pytest.mark.parametrize(("row", "status", "form"), ERRORS.values(), ids=ERRORS)
def test_an_error_has_its_status_and_the_form_of_its_protocol(
    worker: Worker, row: dict[str, Any], status: int, form: str
) -> None:
    reply = worker.ask_one(row)
    assert reply.status == status
    assert list(reply.json) == MEMBERS[form]
    text = json.dumps(reply.json)
    assert "expected " in text
    assert "; found " in text
    assert reply.json.get("code", status) == status


def test_the_bad_image_of_a_request_is_named(worker: Worker) -> None:
    for body, place in (
        (v1(ROSE, TRUNCATED, TULIP), "instances[1]: "),
        (v2(ROSE, TULIP, TRUNCATED), "inputs[0].data[2]: "),
    ):
        assert worker.ask_one({"body": body}).json["error"].startswith(place)


def test_an_empty_upload_has_the_code_of_modelarts(worker: Worker) -> None:
    assert worker.ask_one({"images": bytearray()}).json["erno"] == "MR.0101"
    assert worker.ask_one({"images": bytearray(b"hello")}).json["erno"] == "MR.0105"


@pytest.mark.parametrize("identifier", ["\ud800", "Gänseblümchen 🌼", "\x00", ""])
def test_any_id_comes_back(worker: Worker, identifier: str) -> None:
    # A lone surrogate has no UTF-8 form; sent as it is, it would end the worker.
    reply = worker.ask_one({"body": v2(ROSE) | {"id": identifier}})
    assert reply.status == 200
    assert reply.json["id"] == identifier


def test_class_names_are_sent_as_they_are_written(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "model")
    write_labels(folder / "index_to_name.json", ["雏菊", "玫瑰", "郁金香"])
    build(read_source(folder), "torch-fp32", None, tmp_path / "built")
    reply = Worker(tmp_path / "built").ask_one({"images": bytearray(TULIP)})
    assert isinstance(reply.body, str)
    assert '"predicted_label": "玫瑰"' in reply.body
