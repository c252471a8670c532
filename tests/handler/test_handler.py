"""Loading as TorchServe does, describing, explaining, and agreeing with the evaluation."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from ts.utils.util import list_classes_from_module

import resnet_handler
from classifier.description import (
    DESCRIPTION_FILE,
    Preprocessing,
    read_description,
    sha256_of_file,
    write_description,
)
from classifier.errors import ModelError
from classifier.model import Classification
from classifier.network import load_network
from classifier.parts import head_of
from classifier.reference import REFERENCE_NAMES, draw_png
from classifier.similarity import CLASS_MEANS_FILE
from tests.bodies import v1
from tests.handler.asking import CONFIG, Worker
from tests.models import (
    ARCH,
    CLASS_NAMES,
    PREPROCESSING,
    infer_eagerly,
    pixels_of,
    tiny_network,
)
from tests.pictures import SAMPLES
from train.data.check import check_data_set
from train.data.data_set import EvaluationPhotos, Photo
from train.evaluation.predict import predict

if TYPE_CHECKING:
    from pathlib import Path


ROSE = draw_png("red-rose")
OTHER_FORMS = (
    *("JPEG CMYK", "JPEG of several pictures", "PNG 1", "PNG LA", "PNG P", "PNG I;16"),
    *("WebP alpha", "BMP P", "GIF animated", "TIFF F to 1", "TIFF I of 16 bit"),
)
FULL_RANKING = {"handler": CONFIG["handler"] | {"top_k": len(CLASS_NAMES)}}


@pytest.fixture(scope="module")
def photos(data_set_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Photo]:
    """The validation photos, and photos of other forms."""
    data_set, _ = check_data_set(data_set_folder)
    folder = tmp_path_factory.mktemp("forms")
    others = []
    for name in OTHER_FORMS:
        path = folder / f"{name}.image"
        path.write_bytes(SAMPLES[name].file)
        others.append(Photo(path, 0))
    return [*data_set.val, *others]


def test_the_module_has_one_class_for_torchserves_loader() -> None:
    assert list_classes_from_module(resnet_handler) == [resnet_handler.ResNetHandler]


def test_the_description_tells_what_is_served(worker: Worker, torch_build: Path) -> None:
    reply = worker.ask_one({}, describe="True")
    assert reply.status == 200
    described = reply.json
    description = read_description(torch_build / "model.json")
    assert described["labels"] == list(CLASS_NAMES)
    assert described["runtime"] == "torch-fp32"
    assert described["precision"] == "fp32"
    assert described["runtime_accuracy"] == {}
    assert described["preprocessing"] == json.loads(json.dumps(dataclasses.asdict(Preprocessing())))
    assert described["val_accuracy"] == description.val_accuracy
    assert described["data_fingerprint"] == description.data_fingerprint
    assert described["weights_sha256"] == description.weights_sha256
    for name, value in CONFIG["handler"].items():
        assert described[name] == value


def test_the_sha256_is_that_of_the_trained_weights(worker: Worker, model_folder: Path) -> None:
    described = worker.ask_one({}, describe="True").json
    assert described["weights_sha256"] == sha256_of_file(model_folder / described["weights_file"])


def test_an_explanation_is_exact(worker: Worker) -> None:
    explanation = worker.ask_one({"body": ROSE}, explain="True").json
    best = next(iter(worker.ask_one({"body": ROSE}).json.items()))
    assert (explanation["label"], explanation["probability"]) == best
    index, network = CLASS_NAMES.index(best[0]), tiny_network()
    logits, _ = infer_eagerly(network, pixels_of(ROSE)[np.newaxis])
    evidence = np.mean(explanation["class_activation_map"]) + head_of(network).bias[index].item()
    assert evidence == pytest.approx(logits[0, index], abs=1e-4)


@pytest.mark.parametrize("accept", ["image/png", "text/html, image/png;q=0.9"])
def test_an_explanation_may_be_a_picture(worker: Worker, accept: str) -> None:
    reply = worker.ask_one({"body": ROSE}, explain="True", Accept=accept)
    assert (reply.status, reply.content_type) == (200, "image/png")
    assert isinstance(reply.body, bytes)
    with Image.open(io.BytesIO(reply.body)) as image:
        assert image.size == (224, 224)


def test_several_images_are_explained_in_their_order(worker: Worker) -> None:
    files = [draw_png(name) for name in REFERENCE_NAMES[:3]]
    reply = worker.ask_one({"body": v1(*files)}, explain="True")
    labels = [explanation["label"] for explanation in reply.json["explanations"]]
    predictions = worker.ask_one({"body": v1(*files)}).json["predictions"]
    assert labels == [next(iter(prediction)) for prediction in predictions]


def test_one_picture_cannot_explain_several_images(worker: Worker) -> None:
    reply = worker.ask_one({"body": v1(ROSE, ROSE)}, explain="True", Accept="image/png")
    assert reply.status == 400
    assert reply.json["error"] == (
        "expected one image, for an explanation as a PNG; found 2 images; "
        "send them one by one, or ask for JSON"
    )


def test_a_client_may_not_explain_what_is_no_image(worker: Worker) -> None:
    reply = worker.ask_one({"body": b"hello"}, explain="True", Accept="image/png")
    assert reply.status == 400
    assert reply.json["type"] == "InvalidImage"


def test_form_fields_are_no_headers(worker: Worker) -> None:
    reply = worker.ask_one({"data": ROSE, "describe": b"True", "explain": b"True"})
    assert reply.status == 200
    assert set(reply.json) < set(CLASS_NAMES)


def test_the_handler_sees_the_pixels_of_the_evaluation(worker: Worker, photos: list[Photo]) -> None:
    evaluated = EvaluationPhotos(photos, PREPROCESSING)
    files = [photo.path.read_bytes() for photo in photos]
    seen = worker.handler._model.classify(files)  # noqa: SLF001
    for index, answer in enumerate(seen):
        assert isinstance(answer, Classification)
        pixels, _ = evaluated[index]
        np.testing.assert_array_equal(answer.pixels, pixels.numpy())


def test_served_probabilities_are_the_evaluations(
    torch_build: Path, model_folder: Path, photos: list[Photo]
) -> None:
    network = load_network(model_folder / f"{ARCH}.pth", ARCH, len(CLASS_NAMES))
    evaluated = predict(network, photos, PREPROCESSING)
    replies = Worker(torch_build, FULL_RANKING).ask(
        [{"body": bytearray(photo.path.read_bytes())} for photo in photos]
    )
    served = [[reply.json[name] for name in CLASS_NAMES] for reply in replies]
    np.testing.assert_allclose(served, evaluated, rtol=0, atol=1e-6)


def test_openvino_serves_the_same_answers(worker: Worker, openvino_build: Path) -> None:
    rows = [{"body": draw_png(name)} for name in REFERENCE_NAMES]
    for reply, expected in zip(Worker(openvino_build).ask(rows), worker.ask(rows), strict=True):
        assert reply.json == pytest.approx(expected.json, abs=1e-5)


def test_the_number_of_threads_is_the_servers_choice(
    openvino_build: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MARIGOLD_THREADS", "3")
    with caplog.at_level("INFO"):
        Worker(openvino_build)
    assert "openvino-fp32 is ready with 3 threads" in caplog.text


def test_an_archive_with_wrong_settings_is_not_loaded(torch_build: Path) -> None:
    with pytest.raises(ModelError, match=r"handler\.top_k must be a whole number"):
        Worker(torch_build, {"handler": CONFIG["handler"] | {"top_k": 0}})


def test_an_archive_that_answers_otherwise_than_the_evaluation_is_not_loaded(
    torch_build: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(torch_build, tmp_path / "built")
    swapped = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    first, second = REFERENCE_NAMES[:2]
    swapped[first], swapped[second] = swapped[second], swapped[first]
    (folder / "reference.json").write_text(json.dumps(swapped), encoding="utf-8")
    with pytest.raises(ModelError, match=f"the answer to the reference picture {first} differs"):
        Worker(folder)


@pytest.mark.parametrize(("threshold", "rejected"), [(-1.0, False), (1.1, True)])
@pytest.mark.parametrize("means", [True, False])
def test_a_photo_under_the_threshold_is_rejected_where_that_is_asked(
    torch_build: Path, tmp_path: Path, threshold: float, rejected: bool, means: bool
) -> None:
    folder = shutil.copytree(torch_build, tmp_path / "model")
    description = read_description(folder / DESCRIPTION_FILE)
    if means:  # confidence would say the opposite
        changed = dataclasses.replace(
            description, similarity_below=threshold, reject_below=-threshold
        )
    else:
        (folder / CLASS_MEANS_FILE).unlink()
        changed = dataclasses.replace(description, similarity_below=None, reject_below=threshold)
    write_description(folder / DESCRIPTION_FILE, changed)
    worker = Worker(folder, {"handler": CONFIG["handler"] | {"reject_unknown": True}})
    assert worker.ask_one({"images": ROSE}).json["rejected"] is rejected
    explained = worker.ask_one({"body": ROSE}, explain="True")
    assert explained.json["rejected"] is rejected
    assert "rejected" not in worker.ask_one({"body": ROSE}).json


def test_rejection_without_a_threshold_does_not_start(torch_build: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(torch_build, tmp_path / "model")
    description = read_description(folder / DESCRIPTION_FILE)
    write_description(
        folder / DESCRIPTION_FILE,
        dataclasses.replace(description, similarity_below=None, reject_below=None),
    )
    with pytest.raises(ModelError, match="reject_unknown is set"):
        Worker(folder, {"handler": CONFIG["handler"] | {"reject_unknown": True}})
