"""Each row of the HTTP contract, with plain `requests`, like a client in any language."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from classifier.reference import REFERENCE_NAMES, draw_png, read_reference
from tests.e2e.served import ROOT, clean_environment
from tests.models import CLASS_NAMES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
BASE64 = base64.b64encode(PICTURE).decode()


def ask(served: Served, api: str = "predictions", **request: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {served.tokens.current('inference')}"}
    headers |= request.pop("headers", {})
    return requests.post(f"{served.url}/{api}/flowers", headers=headers, timeout=60, **request)


@pytest.fixture(scope="module")
def expected(model_folder: Path) -> dict[str, float]:
    """The evaluation's own answer to the picture."""
    answers = read_reference(model_folder / "reference.json")[REFERENCE_NAMES[0]]
    return dict(zip(CLASS_NAMES, answers, strict=True))


def assert_is_answer(scores: dict[str, float], expected: dict[str, float]) -> None:
    assert scores == pytest.approx(expected, abs=1e-4)
    assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_a_raw_body_gets_a_flat_object(served: Served, expected: dict[str, float]) -> None:
    reply = ask(served, data=PICTURE)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert_is_answer(reply.json(), expected)


def test_multipart_data_gets_a_flat_object(served: Served, expected: dict[str, float]) -> None:
    reply = ask(served, files={"data": PICTURE})
    assert reply.status_code == 200
    assert_is_answer(reply.json(), expected)


@pytest.mark.parametrize("names", [("data", "data"), ("images", "images"), ("data", "other")])
def test_several_files_in_a_form_are_refused_and_not_forgotten(
    served: Served, names: tuple[str, ...]
) -> None:
    files = [(name, (f"{index}.png", PICTURE)) for index, name in enumerate(names)]
    reply = ask(served, files=files)
    assert reply.status_code == 400
    assert f"2 files, in the fields {names[0]!r}, {names[1]!r}" in reply.text


def test_a_form_may_have_values_beside_its_photo(
    served: Served, expected: dict[str, float]
) -> None:
    files = [("data", ("a.png", PICTURE)), ("empty", ("", b""))]
    reply = ask(served, files=files, data={"note": "mine"})
    assert reply.status_code == 200
    assert_is_answer(reply.json(), expected)


@pytest.mark.parametrize("form", [{"files": {"images": PICTURE}}, {"json": {"images": BASE64}}])
def test_modelarts_requests_get_modelarts_replies(
    served: Served, expected: dict[str, float], form: dict[str, Any]
) -> None:
    reply = ask(served, **form)
    assert reply.status_code == 200
    body = reply.json()
    assert_is_answer(dict(body["scores"]), expected)
    assert body["predicted_label"] == body["scores"][0][0]


def test_kserve_v1_requests_get_predictions(served: Served, expected: dict[str, float]) -> None:
    reply = ask(served, json={"instances": [{"b64": BASE64}, {"b64": BASE64}]})
    assert reply.status_code == 200
    for prediction in reply.json()["predictions"]:
        assert_is_answer(prediction, expected)


def test_open_inference_requests_get_outputs(served: Served, expected: dict[str, float]) -> None:
    tensor = {"name": "image", "shape": [2], "datatype": "BYTES", "data": [BASE64, BASE64]}
    reply = ask(served, json={"id": "42", "inputs": [tensor]})
    assert reply.status_code == 200
    body = reply.json()
    labels, probabilities = body["outputs"]
    assert (body["id"], body["model_name"]) == ("42", "flowers")
    assert labels["shape"] == probabilities["shape"] == [2, len(expected)]
    row = len(expected)
    assert_is_answer(
        dict(zip(labels["data"][row:], probabilities["data"][row:], strict=True)), expected
    )


def test_an_explanation_is_a_class_activation_map(served: Served) -> None:
    reply = ask(served, "explanations", data=PICTURE)
    assert reply.status_code == 200
    body = reply.json()
    assert [len(row) for row in body["class_activation_map"]] == [7] * 7
    assert body["label"] == next(iter(ask(served, data=PICTURE).json()))


def test_an_explanation_is_a_picture_for_who_accepts_one(served: Served) -> None:
    reply = ask(served, "explanations", data=PICTURE, headers={"Accept": "image/png"})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(reply.content)).size == (224, 224)


def test_the_description_tells_what_is_served(served: Served) -> None:
    described = served.management.describe("flowers", customized=True)
    about = described.metadata
    assert about is not None
    assert about["labels"] == list(CLASS_NAMES)
    assert (about["runtime"], about["precision"]) == ("openvino-fp32", "fp32")
    assert about["preprocessing"]["crop"] == 224
    assert len(about["weights_sha256"]) == 64
    assert "val_accuracy" in about
    assert "data_fingerprint" in about


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        (b"", 400, "an empty file"),
        (b"just text", 400, "that are not an image"),
        (PICTURE[: len(PICTURE) // 2], 400, "breaks off"),
        (b"%PDF-1.7 and so on", 415, "PDF data"),
        (b"{not json", 400, "a syntax error"),
        (b'{"pictures": []}', 400, "form fields named 'pictures'"),
    ],
)
def test_bad_input_gets_a_clear_4xx(served: Served, body: bytes, status: int, found: str) -> None:
    reply = ask(served, data=body, headers={"Content-Type": "application/octet-stream"})
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    message = reply.json()["message"]
    assert found in message
    assert message.startswith("expected ")


def test_too_many_pixels_get_413(served: Served) -> None:
    buffer = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(buffer, format="PNG")
    reply = ask(served, data=buffer.getvalue())
    assert reply.status_code == 413
    assert "100,000,000 pixels" in reply.json()["message"]


def test_too_many_bytes_get_413(served: Served) -> None:
    assert ask(served, data=PICTURE + bytes(11 * 2**20)).status_code == 413
    assert ask(served, data=bytes(34 * 2**20)).status_code == 413


def test_a_modelarts_error_has_the_platforms_form(served: Served) -> None:
    reply = ask(served, files={"images": b"no image"})
    assert reply.status_code == 400
    body = reply.json()
    assert (body["erno"], body["words_result"]) == ("MR.0105", {})
    assert body["msg"].startswith("Recognition failed: images: expected ")


def test_a_form_that_curl_made_of_a_photo_gets_the_remedy(served: Served) -> None:
    form = "application/x-www-form-urlencoded"  # what `curl --data-binary` declares
    reply = ask(served, data=PICTURE, headers={"Content-Type": form})
    assert reply.status_code == 400
    assert "curl -T photo.jpg" in reply.text


def test_bad_images_among_good_ones_harm_nobody(served: Served, expected: dict[str, float]) -> None:
    bodies = [PICTURE, b"text", PICTURE[:999], b""] * 8

    def send(body: bytes) -> tuple[bytes, requests.Response]:
        return body, ask(served, data=body)

    with ThreadPoolExecutor(max_workers=len(bodies)) as pool:
        for body, reply in pool.map(send, bodies):
            if body == PICTURE:
                assert reply.status_code == 200
                assert_is_answer(reply.json(), expected)
            else:
                assert reply.status_code == 400


def test_the_printed_curl_line_works_when_pasted(served: Served) -> None:
    line = (
        f'curl -s -H "Authorization: Bearer $(make -s token RUN_DIR={served.run_dir})" '
        f"-T - {served.url}/predictions/flowers"
    )
    process = subprocess.run(
        ["bash", "-c", line],
        input=PICTURE,
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        check=True,
    )
    assert sum(json.loads(process.stdout).values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer "])
def test_without_the_right_token_there_is_no_answer(
    served: Served, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for url in (f"{served.url}/predictions/flowers", f"{served.url}/explanations/flowers"):
        reply = requests.post(url, data=PICTURE, headers=headers, timeout=60)
        assert reply.status_code == 401
        assert reply.json()["type"] == "Unauthorized"


def test_the_inference_token_opens_nothing_else(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.tokens.current('inference')}"}
    reply = requests.get(f"{served.management_url}/models", headers=headers, timeout=60)
    assert reply.status_code == 400


def test_registering_models_is_off(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.tokens.current('management')}"}
    url = f"{served.management_url}/models?url=flowers.mar&model_name=other"
    assert requests.post(url, headers=headers, timeout=60).status_code == 405


def test_metrics_are_prometheus_histograms(served: Served) -> None:
    ask(served, data=PICTURE)
    page = requests.get(f"{served.metrics_url}/metrics", timeout=60).text
    for name in ("ts_inference_latency_microseconds", "ts_queue_latency_microseconds"):
        assert re.search(rf'^{name}_count\{{model_name="flowers"', page, re.MULTILINE)
