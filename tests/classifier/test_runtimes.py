"""All runtimes give the same answers, for every batch size."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from classifier.answers import softmax
from classifier.errors import ModelError
from classifier.reference import REFERENCE_NAMES, draw_png
from classifier.runtimes import RUNTIMES, load_runtime
from classifier.runtimes.runtime import Outputs
from classifier.runtimes.torch_eager import choose_device
from tests.models import ARCH, infer_eagerly, pixels_of, tiny_network

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.runtimes.runtime import Runtime


@pytest.fixture(scope="module")
def torch_runtime(torch_build: Path) -> Runtime:
    return load_runtime("torch-fp32", torch_build / f"{ARCH}.safetensors", threads=1)


@pytest.fixture(scope="module")
def openvino_runtime(openvino_build: Path) -> Runtime:
    return load_runtime("openvino-fp32", openvino_build / "model.xml", threads=1)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    return np.stack([pixels_of(draw_png(name)) for name in REFERENCE_NAMES])


@pytest.mark.parametrize("batch_size", range(1, 6))
def test_torch_and_openvino_agree(
    torch_runtime: Runtime,
    openvino_runtime: Runtime,
    pixels: NDArray[np.uint8],
    batch_size: int,
) -> None:
    expected = torch_runtime.infer(pixels[:batch_size])
    outputs = openvino_runtime.infer(pixels[:batch_size])
    assert outputs.logits.dtype == outputs.features.dtype == np.float32
    assert outputs.logits.shape == (batch_size, 3)
    assert outputs.features.shape == (batch_size, 512, 7, 7)
    np.testing.assert_allclose(outputs.logits, expected.logits, atol=1e-4)
    np.testing.assert_allclose(outputs.features, expected.features, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_a_batch_is_computed_in_parts_whose_answers_stay(
    openvino_build: Path, pixels: NDArray[np.uint8], threads: int
) -> None:
    runtime = load_runtime("openvino-fp32", openvino_build / "model.xml", threads=threads)
    alone = [runtime.infer(one[np.newaxis]) for one in pixels]
    for count in (2, 3, 4, 5, 8, 9, 17):
        outputs = runtime.infer(np.concatenate([pixels] * 3)[:count])
        kept = [array.copy() for array in outputs]
        runtime.infer(np.zeros((17, *pixels.shape[1:]), dtype=np.uint8))
        for index, name in enumerate(Outputs._fields):
            expected = np.concatenate([getattr(answer, name) for answer in alone] * 3)[:count]
            np.testing.assert_allclose(outputs[index], expected, atol=1e-5)
            assert np.array_equal(outputs[index], kept[index])


def test_the_torch_runtime_is_the_trained_network(
    torch_runtime: Runtime, pixels: NDArray[np.uint8]
) -> None:
    expected_logits, expected_features = infer_eagerly(tiny_network(), pixels[:2])
    outputs = torch_runtime.infer(pixels[:2])
    np.testing.assert_allclose(outputs.logits, expected_logits, atol=1e-5)
    np.testing.assert_allclose(outputs.features, expected_features, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "build"), [("torch-bf16", "torch_build"), ("openvino-bf16", "openvino_build")]
)
def test_bf16_answers_as_float32_does_but_for_rounding(
    name: str,
    build: str,
    request: pytest.FixtureRequest,
    torch_runtime: Runtime,
    pixels: NDArray[np.uint8],
) -> None:
    file = "model.xml" if name.startswith("openvino") else f"{ARCH}.safetensors"
    runtime = load_runtime(name, request.getfixturevalue(build) / file, threads=1)
    outputs, expected = runtime.infer(pixels), torch_runtime.infer(pixels)
    assert outputs.logits.dtype == outputs.features.dtype == np.float32
    difference = np.abs(softmax(outputs.logits) - softmax(expected.logits))
    assert difference.max() <= RUNTIMES[name].tolerance
    assert (outputs.logits.argmax(axis=1) == expected.logits.argmax(axis=1)).all()


def test_torch_bf16_computes_in_bf16(torch_build: Path, pixels: NDArray[np.uint8]) -> None:
    weights = torch_build / f"{ARCH}.safetensors"
    features = load_runtime("torch-bf16", weights, threads=1).infer(pixels[:1]).features
    as_bits = features.view(np.uint32)
    assert not (as_bits & 0xFFFF).any()  # float32 with 8 bits of mantissa


@pytest.mark.parametrize(
    ("gpu", "there_is_one", "expected"),
    [(None, True, "cpu"), (-1, True, "cpu"), (1, True, "cuda:1"), (1, False, "cpu")],
)
def test_a_worker_takes_the_gpu_that_it_was_given(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    gpu: int | None,
    expected: str,
    *,
    there_is_one: bool,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there_is_one)
    assert str(choose_device(gpu)) == expected
    assert ("there is a GPU 1" in caplog.text) is (gpu == 1 and not there_is_one)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_outputs_are_not_overwritten_by_the_next_batch(
    engine: str, request: pytest.FixtureRequest, pixels: NDArray[np.uint8]
) -> None:
    runtime: Runtime = request.getfixturevalue(f"{engine}_runtime")
    first = runtime.infer(pixels[:2])
    kept = first.logits.copy(), first.features.copy()
    runtime.infer(pixels[2:4])
    np.testing.assert_array_equal(first.logits, kept[0])
    np.testing.assert_array_equal(first.features, kept[1])


@pytest.mark.parametrize("name", ["onnx", "openvino", "openvino-fp16", "torch-int8", "", "torch"])
def test_an_unknown_runtime_is_refused(torch_build: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"unknown runtime '{name}'; choose one of openvino-int8"):
        load_runtime(name, torch_build / f"{ARCH}.safetensors", threads=1)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_missing_file_is_named(torch_build: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(torch_build, tmp_path / "built")
    (folder / f"{ARCH}.safetensors").unlink()
    missing = folder / ("model.xml" if name.startswith("openvino") else f"{ARCH}.safetensors")
    with pytest.raises(ModelError, match=f"{missing}: "):
        load_runtime(name, missing, threads=1)
