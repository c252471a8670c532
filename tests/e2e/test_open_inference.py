"""Open Inference Protocol v2, through an independent client, NVIDIA's `tritonclient`.

It builds the body and reads the reply. Its own URLs, `/v2/models/...`, are none of TorchServe's;
so the body goes to `/predictions` by hand. docs/api.md says where the two do not meet.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from classifier.reference import REFERENCE_NAMES, draw_png

if TYPE_CHECKING:
    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURES = [draw_png(name) for name in REFERENCE_NAMES[:2]]


def post(served: Served, body: bytes) -> requests.Response:
    return requests.post(
        f"{served.url}/predictions/flowers",
        data=body,
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Bearer {served.tokens.current('inference')}",
        },
        timeout=60,
    )


def test_its_body_is_understood_and_it_understands_the_reply(served: Served) -> None:
    image = InferInput("image", [len(PICTURES)], "BYTES")
    encoded = [base64.b64encode(picture) for picture in PICTURES]
    image.set_data_from_numpy(np.array(encoded, dtype=object), binary_data=False)
    outputs = [InferRequestedOutput(name, binary_data=False) for name in ("label", "probability")]
    body, json_size = InferenceServerClient.generate_request_body(
        [image], outputs=outputs, request_id="42"
    )
    assert json_size is None  # all of it is JSON
    reply = post(served, body)
    assert reply.status_code == 200, reply.text
    result = InferenceServerClient.parse_response_body(reply.content)
    assert result.get_response()["id"] == "42"
    assert result.get_response()["model_name"] == "flowers"
    labels, probabilities = result.as_numpy("label"), result.as_numpy("probability")
    assert labels is not None
    assert probabilities is not None
    assert labels.shape == probabilities.shape
    assert probabilities.dtype == np.float32
    for picture, names, values in zip(PICTURES, labels, probabilities, strict=True):
        prediction = served.inference.predict(picture)
        assert list(names) == [name for name, _ in prediction.scores]
        assert values == pytest.approx([value for _, value in prediction.scores], abs=1e-6)


def test_a_bad_photo_gives_the_protocols_error(served: Served) -> None:
    image = InferInput("image", [1], "BYTES")
    image.set_data_from_numpy(np.array([b"bm8gaW1hZ2U="], dtype=object), binary_data=False)
    body, _ = InferenceServerClient.generate_request_body([image])
    reply = post(served, body)
    assert reply.status_code == 400
    assert set(json.loads(reply.content)) == {"error"}


@pytest.mark.parametrize(
    "path",
    ["/v2/health/live", "/v2/health/ready", "/v2/models/flowers", "/v2/models/flowers/ready"],
)
def test_its_own_urls_are_none_of_torchserves(served: Served, path: str) -> None:
    headers = {"Authorization": f"Bearer {served.tokens.current('inference')}"}
    assert requests.get(served.url + path, headers=headers, timeout=60).status_code in {404, 405}
