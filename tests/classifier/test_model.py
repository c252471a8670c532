"""A batch answers as its images one by one, and a served model is the one that was evaluated."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.errors import InvalidImage, ModelError, TooLarge, UnsupportedFormat
from classifier.model import CLASS_WEIGHTS_FILE, RUNTIME_FILE, Classification, Model, RuntimeChoice
from classifier.opening import open_image
from classifier.reference import REFERENCE_NAMES, draw_png, read_reference
from classifier.runtimes.runtime import Outputs
from classifier.settings import Settings
from classifier.similarity import CLASS_MEANS_FILE
from tests.models import CLASS_NAMES, pixels_of
from tests.pictures import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMITS = Settings(
    top_k=5,
    max_image_bytes=10**6,
    max_image_pixels=10**6,
    max_images_per_request=4,
    max_image_decode_s=5,
    max_request_decode_s=6,
    deadline_s=10,
    max_json_parts=10_000,
    decode_threads=2,
    answer_cache_mib=0,
    reject_unknown=False,
)
BATCH_SIZE = 3
GOOD = [draw_png(name) for name in REFERENCE_NAMES[:4]]
BAD = {
    b"": InvalidImage,
    b"hello": InvalidImage,
    GOOD[0][: len(GOOD[0]) // 2]: InvalidImage,
    b"%PDF-1.7": UnsupportedFormat,
    bytes(10**6 + 1): TooLarge,
}
FILES = [*GOOD, *BAD]


def load(folder: Path) -> Model:
    return Model(folder, LIMITS, threads=1, batch_size=BATCH_SIZE)


@pytest.fixture(scope="module")
def model(torch_build: Path) -> Model:
    return load(torch_build)


@pytest.fixture(scope="module")
def alone(model: Model) -> dict[bytes, Classification]:
    """The answer to each good file, asked one by one."""
    answers = {}
    for file in GOOD:
        (answer,) = model.classify([file])
        assert isinstance(answer, Classification)
        answers[file] = answer
    return answers


@pytest.fixture
def folder(torch_build: Path, tmp_path: Path) -> Path:
    """A built folder that a test may change."""
    return shutil.copytree(torch_build, tmp_path / "built")


def assert_same(answers: Sequence[Any], files: Sequence[bytes], alone: dict[bytes, Any]) -> None:
    assert len(answers) == len(files)
    for answer, file in zip(answers, files, strict=True):
        if file in BAD:
            assert type(answer) is BAD[file]
        else:
            np.testing.assert_array_equal(answer.pixels, alone[file].pixels)
            np.testing.assert_allclose(
                answer.probabilities, alone[file].probabilities, rtol=0, atol=1e-6
            )
            np.testing.assert_allclose(answer.features, alone[file].features, atol=1e-4)


@settings(max_examples=12)
@given(st.lists(st.sampled_from(FILES), max_size=2 * BATCH_SIZE + 1))
def test_a_batch_answers_as_its_images_one_by_one(
    model: Model, alone: dict[bytes, Classification], files: list[bytes]
) -> None:
    assert_same(model.classify(files), files, alone)


@pytest.mark.parametrize("bad", BAD, ids=["empty", "text", "truncated", "PDF", "large"])
@pytest.mark.parametrize("place", range(3))
def test_a_bad_image_changes_no_other_answer(
    model: Model, alone: dict[bytes, Classification], bad: bytes, place: int
) -> None:
    files = [*GOOD[:2]]
    files.insert(place, bad)
    assert_same(model.classify(files), files, alone)


def test_a_bug_in_decoding_changes_no_other_answer(
    model: Model, alone: dict[bytes, Classification], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_text(file: bytes, **limits: Any) -> Any:
        if file == b"hello":
            raise ZeroDivisionError
        return open_image(file, **limits)

    monkeypatch.setattr("classifier.decoding.open_image", fail_on_text)
    first, failed, second = model.classify([GOOD[0], b"hello", GOOD[1]])
    assert isinstance(failed, ZeroDivisionError)
    assert_same([first, second], GOOD[:2], alone)


def test_answers_are_the_evaluations(model: Model, torch_build: Path) -> None:
    expected = read_reference(torch_build / "reference.json")
    answers = model.classify([draw_png(name) for name in REFERENCE_NAMES])
    for name, answer in zip(REFERENCE_NAMES, answers, strict=True):
        assert isinstance(answer, Classification)
        np.testing.assert_allclose(answer.probabilities, expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["JPEG CMYK", "PNG LA", "PNG I;16", "GIF", "TIFF F to 1"])
def test_the_network_sees_what_was_decoded(model: Model, name: str) -> None:
    (answer,) = model.classify([SAMPLES[name].file])
    assert isinstance(answer, Classification)
    np.testing.assert_array_equal(answer.pixels, pixels_of(SAMPLES[name].file))


def test_pixels_follow_the_description_of_the_model(folder: Path) -> None:
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    description["preprocessing"] |= {"resize": 80, "crop": 64}
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    (answer,) = load(folder).classify([GOOD[0]])
    assert isinstance(answer, Classification)
    assert answer.pixels.shape == (64, 64, 3)
    assert answer.features.shape == (512, 2, 2)


@pytest.mark.parametrize("build", ["torch_build", "openvino_build"])
def test_a_model_that_answers_as_the_evaluation_warms_up(
    build: str, request: pytest.FixtureRequest
) -> None:
    model = load(request.getfixturevalue(build))
    model.warm_up()
    assert model.class_names == CLASS_NAMES


def change_reference(folder: Path, answer: list[float]) -> None:
    """Replace the expected answer to the last picture."""
    path = folder / "reference.json"
    answers = json.loads(path.read_text(encoding="utf-8"))
    answers[REFERENCE_NAMES[-1]] = answer
    path.write_text(json.dumps(answers), encoding="utf-8")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.0, 1.0, 0.0], "the answer to the reference picture blue-aster differs by 0.4"),
        ([float("nan")] * 3, "the answer to the reference picture blue-aster differs by nan"),
        ([0.25] * 4, "the model gives 3 classes, its reference answers have 4: "),
        ([1.0], "the model gives 3 classes, its reference answers have 1: "),
    ],
)
def test_reference_answers_of_other_weights_are_refused(
    folder: Path, answer: list[float], message: str
) -> None:
    change_reference(folder, answer)
    with pytest.raises(ModelError, match=re.escape(message)):
        load(folder).warm_up()


def test_weights_that_give_nan_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(folder)
    infer = model._runtime.infer  # noqa: SLF001

    def infer_nan(pixels: Any) -> Outputs:
        logits, features = infer(pixels)
        return Outputs(np.full_like(logits, np.nan), features)

    monkeypatch.setattr(model._runtime, "infer", infer_nan)  # noqa: SLF001
    with pytest.raises(ModelError, match="differs by nan in probability"):
        model.warm_up()


def test_the_tolerance_is_that_of_the_runtime(folder: Path) -> None:
    choice = RuntimeChoice.read(folder / RUNTIME_FILE)
    change_reference(folder, [0.2911907, 0.5258486 - choice.tolerance / 2, 0.1829607])
    load(folder).warm_up()
    change_reference(folder, [0.2911907, 0.5258486 - choice.tolerance * 2, 0.1829607])
    with pytest.raises(ModelError, match=r"at most 0\.001 is expected of torch-fp32"):
        load(folder).warm_up()


@pytest.mark.parametrize(
    "name",
    [
        *("model.json", "index_to_name.json", "reference.json"),
        *(RUNTIME_FILE, CLASS_WEIGHTS_FILE, CLASS_MEANS_FILE),
    ],
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=re.escape(f"{folder / name}: ")):
        load(folder)


def test_similarity_is_that_of_the_features_to_the_nearest_class_mean(
    model: Model, folder: Path, alone: dict[bytes, Classification]
) -> None:
    means = np.load(folder / CLASS_MEANS_FILE)  # [3, F]
    for answer in alone.values():
        pooled = answer.features.mean(axis=(1, 2))
        cosines = means @ pooled / np.linalg.norm(means, axis=1) / np.linalg.norm(pooled)
        assert model.similarity(answer) == pytest.approx(cosines.max(), abs=1e-5)


def test_a_model_without_class_means_goes_by_its_confidence(
    folder: Path, alone: dict[bytes, Classification]
) -> None:
    (folder / CLASS_MEANS_FILE).unlink()
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    for name in ("class_means_sha256", "similarity_below"):  # as before there were any
        del description[name]
    answer = alone[GOOD[0]]
    for change, rejected in ((1e-3, True), (-1e-3, False)):
        description["reject_below"] = float(answer.probabilities.max()) + change
        (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
        asked = dataclasses.replace(LIMITS, reject_unknown=True)
        model = Model(folder, asked, threads=1, batch_size=BATCH_SIZE)
        assert model.similarity(answer) is None
        assert model.rejects(answer) is rejected


def test_class_means_of_another_model_are_refused(folder: Path) -> None:
    np.save(folder / CLASS_MEANS_FILE, np.zeros((3, 7), np.float32))
    with pytest.raises(
        ModelError, match=r"shape \(3, 7\), the network's last layer has \(3, 512\)"
    ):
        load(folder)


def test_the_choice_of_runtime_is_read_as_written(tmp_path: Path) -> None:
    choice = RuntimeChoice("openvino-int8", "model.xml", 0.15, {"accuracy": 0.9, "images": 331})
    choice.write(tmp_path / RUNTIME_FILE)
    assert RuntimeChoice.read(tmp_path / RUNTIME_FILE) == choice


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot read the choice of runtime"),
        ("[]", "cannot read the choice of runtime"),
        ('{"runtime": "torch-fp32"}', "cannot read the choice of runtime"),
        (
            '{"runtime": "onnx", "model_file": "m", "tolerance": 0.1}',
            "unknown runtime 'onnx'; choose one of openvino-int8, ",
        ),
    ],
)
def test_a_damaged_choice_of_runtime_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / RUNTIME_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=rf"runtime\.json: {message}"):
        RuntimeChoice.read(tmp_path / RUNTIME_FILE)
