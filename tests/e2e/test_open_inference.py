"""Open Inference Protocol v2 and KServe v1 by their own URLs, and an independent client.

NVIDIA's `tritonclient` builds the URL and the body and reads the reply. docs/api.md says where the
protocol and the server do not meet.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from classifier.reference import REFERENCE_NAMES, draw_png
from server.ports import HOST
from tests.docs.pages import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

OUTPUTS = ("label", "probability")
PICTURES = [draw_png(name) for name in REFERENCE_NAMES[:2]]


def headers_of(served: Served) -> dict[str, str]:
    return {"Authorization": f"Bearer {served.tokens.current('inference')}"}


@pytest.fixture
def triton(served: Served) -> Iterator[InferenceServerClient]:
    """The client, at the server's front."""
    with InferenceServerClient(served.url.removeprefix("http://"), network_timeout=60) as client:
        yield client


def tensor_of(*encoded: bytes) -> InferInput:
    image = InferInput("image", [len(encoded)], "BYTES")
    image.set_data_from_numpy(np.array(encoded, dtype=object), binary_data=False)
    return image


@pytest.mark.parametrize("version", ["", "1.0"])
def test_its_own_calls_are_answered(
    served: Served, triton: InferenceServerClient, version: str
) -> None:
    result = triton.infer(
        "flowers",
        [tensor_of(*(base64.b64encode(picture) for picture in PICTURES))],
        model_version=version,
        outputs=[InferRequestedOutput(name, binary_data=False) for name in OUTPUTS],
        request_id="42",
        headers=headers_of(served),
    )
    assert result.get_response()["id"] == "42"
    assert result.get_response()["model_name"] == "flowers"
    labels, probabilities = (result.as_numpy(name) for name in OUTPUTS)
    assert labels is not None
    assert probabilities is not None
    assert labels.shape == probabilities.shape
    assert probabilities.dtype == np.float32
    for picture, names, values in zip(PICTURES, labels, probabilities, strict=True):
        prediction = served.inference.predict(picture)
        assert list(names) == [name for name, _ in prediction.scores]
        assert values == pytest.approx([value for _, value in prediction.scores], abs=1e-6)


def test_the_pages_example_runs_as_it_stands(served: Served, tmp_path: Path) -> None:
    (block,) = (b for b in blocks(ROOT / "docs/api.md", "python") if "tritonclient" in b)
    (tmp_path / "run").symlink_to(served.run_dir)
    (tmp_path / "photo.jpg").write_bytes(PICTURES[0])
    process = subprocess.run(
        [sys.executable, "-c", block.replace("127.0.0.1:8080", f"{HOST}:{served.port}")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert process.stdout.split()[0] == served.inference.predict(PICTURES[0]).label


def test_what_it_does_not_ask_for_is_sent_all_the_same(
    served: Served, triton: InferenceServerClient
) -> None:
    picture = tensor_of(base64.b64encode(PICTURES[0]))
    result = triton.infer("flowers", [picture], headers=headers_of(served))
    assert result.as_numpy("probability").shape == (1, 3)


def test_it_sees_that_the_server_and_the_model_are_ready(
    served: Served, triton: InferenceServerClient
) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    headers = headers_of(served)
    assert triton.is_model_ready("flowers", headers=headers)
    assert triton.is_model_ready("flowers", "1.0", headers=headers)
    assert not triton.is_model_ready("flowers", "7.0", headers=headers)
    assert not triton.is_model_ready("weeds", headers=headers)
    assert not triton.is_model_ready("flowers")  # without a key


def test_it_sees_what_the_model_takes_and_returns(
    served: Served, triton: InferenceServerClient
) -> None:
    assert triton.get_model_metadata("flowers", headers=headers_of(served)) == {
        "name": "flowers",
        "versions": ["1.0"],
        "platform": "openvino-fp32",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1, 3]},
            {"name": "probability", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }


def test_a_bad_photo_gives_the_protocols_error(
    served: Served, triton: InferenceServerClient
) -> None:
    with pytest.raises(
        InferenceServerException, match=r"inputs\[0\]\.data\[0\]: expected an image"
    ):
        triton.infer("flowers", [tensor_of(b"bm8gaW1hZ2U=")], headers=headers_of(served))


def test_the_urls_of_version_1(served: Served) -> None:
    body = {"instances": [{"b64": base64.b64encode(picture).decode()} for picture in PICTURES]}
    url = f"{served.url}/v1/models/flowers"
    reply = requests.post(f"{url}:predict", json=body, headers=headers_of(served), timeout=60)
    assert [dict(served.inference.predict(picture).scores) for picture in PICTURES] == [
        pytest.approx(prediction, abs=1e-6) for prediction in reply.json()["predictions"]
    ]
    reply = requests.post(f"{url}:explain", json=body, headers=headers_of(served), timeout=60)
    assert len(reply.json()["explanations"]) == len(PICTURES)
    assert requests.post(f"{url}:predict", json=body, timeout=60).status_code == 401
