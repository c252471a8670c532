"""The folder that is packed: the right runtime, chosen by its accuracy."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from archive import gate
from archive.build import FIGURES_FILE, INT8_FOLDER, build, quantise_starter, tell_of_idle_gpu
from archive.errors import BuildError
from archive.source import read_source
from classifier.description import read_description, write_description
from classifier.errors import ModelError
from classifier.model import CLASS_WEIGHTS_FILE, RUNTIME_FILE, Classification, Model, RuntimeChoice
from classifier.parts import head_of
from classifier.reference import REFERENCE_FILE, read_reference, write_reference
from classifier.settings import Settings
from classifier.similarity import CLASS_MEANS_FILE, directions, similarity
from tests.models import infer_eagerly, pixels_of, tiny_network

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A model folder that a test may change."""
    return shutil.copytree(model_folder, tmp_path / "model")


def test_the_choice_is_written_beside_the_model(model_folder: Path, tmp_path: Path) -> None:
    choice = build(read_source(model_folder), "openvino-fp32", None, tmp_path / "built")
    assert choice.runtime == "openvino-fp32"
    assert RuntimeChoice.read(tmp_path / "built" / RUNTIME_FILE) == choice
    assert (tmp_path / "built" / choice.model_file).is_file()


def test_an_older_build_is_replaced_as_a_whole(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "stale.bin").write_bytes(b"old")
    build(read_source(model_folder), "torch-fp32", None, tmp_path / "built")
    assert not (tmp_path / "built" / "stale.bin").exists()


def test_a_failed_build_leaves_the_older_one(
    model_folder: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    build(read_source(model_folder), "torch-fp32", None, tmp_path / "built")
    other_classes = shutil.copytree(data_set_folder, tmp_path / "data")
    for split in ("train", "val"):
        next((other_classes / split).iterdir()).rename(other_classes / split / "thistles")
    with pytest.raises(BuildError, match="its classes are not the model's"):
        build(read_source(model_folder), "openvino-int8", other_classes, tmp_path / "built")
    assert RuntimeChoice.read(tmp_path / "built" / RUNTIME_FILE).runtime == "torch-fp32"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["built", "data"]


def test_without_photos_int8_gives_way_to_the_next_precision(
    model_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    choice = build(read_source(model_folder), "openvino-int8", None, tmp_path / "built")
    assert choice.runtime == "openvino-fp32"  # bf16 would be one that was never measured
    assert "no data set to calibrate int8 with" in caplog.text


@pytest.mark.parametrize(("runtime", "told"), [("openvino-int8", True), ("torch-bf16", False)])
def test_a_gpu_that_would_stay_idle_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    runtime: str,
    *,
    told: bool,
) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr("archive.build._DEVICES", tmp_path)
    tell_of_idle_gpu(runtime)
    assert ("RUNTIME=torch-bf16" in caplog.text) is told


@pytest.mark.slow
def test_int8_is_calibrated_measured_and_shipped(
    folder: Path, data_set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fresh weights tell the drawn classes apart by chance only; the gate has a test of its own.
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: True))
    photos = [photo.read_bytes() for photo in sorted(data_set_folder.glob("val/*/*"))]
    reject_half(folder, photos)
    source = read_source(folder)
    choice = build(source, "openvino-int8", data_set_folder, tmp_path / "built")
    assert choice.runtime == "openvino-int8"
    assert choice.accuracy["images"] == len(photos)
    int8_bytes = (tmp_path / "built" / "model.bin").stat().st_size
    assert int8_bytes < 0.3 * source.weights.stat().st_size

    limits = Settings(
        5, 10**7, 10**8, 1, 9, 9, 9, 9, decode_threads=1, answer_cache_mib=0, reject_unknown=True
    )
    model = Model(tmp_path / "built", limits, threads=1, batch_size=gate.BATCH_SIZE)
    answers = [answer for answer in model.classify(photos) if isinstance(answer, Classification)]
    rejected = sum(model.rejects(answer) is True for answer in answers)
    assert 0 < rejected < len(photos)
    assert choice.accuracy["false_rejects"] == rejected / len(photos)


def reject_half(folder: Path, photos: list[bytes]) -> None:
    """Make a model's threshold one that half of the photos are under."""
    _, features = infer_eagerly(tiny_network(), np.stack([pixels_of(photo) for photo in photos]))
    means = np.load(folder / CLASS_MEANS_FILE)
    similarities = similarity(features.mean(axis=(2, 3)), directions(means))
    description = read_description(folder / "model.json")
    halfway = dataclasses.replace(description, similarity_below=float(np.median(similarities)))
    write_description(folder / "model.json", halfway)


def test_a_precision_that_fails_the_gate_gives_way_to_the_next(
    model_folder: Path,
    data_set_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: False))
    source = read_source(model_folder)
    choice = build(source, "openvino-bf16", data_set_folder, tmp_path / "built")
    assert choice.runtime == "openvino-fp32"
    assert "openvino-bf16 does not pass the accuracy gate" in caplog.text


@pytest.mark.parametrize(
    ("accuracy", "agreement", "passes"),
    [(0.90, 1.0, True), (0.895, 0.985, True), (0.894, 1.0, False), (0.90, 0.984, False)],
)
def test_the_gate_holds_half_a_point_and_98_5_percent_agreement(
    accuracy: float, agreement: float, *, passes: bool
) -> None:
    figures = gate.Figures(accuracy, fp32_accuracy=0.90, agreement=agreement, images=1000)
    assert figures.passes is passes


def test_few_validation_photos_are_helped_out_by_training_photos() -> None:
    alone = gate.Figures(59 / 60, fp32_accuracy=1.0, agreement=59 / 60, images=60)
    assert alone.reasons == [
        "it loses 1.67 points of accuracy, at most 0.5 are allowed",
        "it agrees with float32 on 98.33% of the photos, at least 98.5% are required",
    ]
    helped = dataclasses.replace(
        alone, train_accuracy_loss=0.0, train_agreement=1.0, train_images=300
    )
    assert helped.passes
    assert helped.criteria == (
        "on 60 validation and 300 training photos it loses 0.28 points (at most 0.5) and agrees "
        "on 99.72% (at least 98.5%; 95 % confidence interval 98.4% to 100.0%)"
    )
    worse = dataclasses.replace(helped, train_agreement=0.97)
    assert len(worse.reasons) == 1
    many = dataclasses.replace(helped, images=1000, accuracy=0.994, agreement=0.994)
    assert many.reasons == ["it loses 0.60 points of accuracy, at most 0.5 are allowed"]


@pytest.mark.parametrize(
    ("images", "agreement", "doubtful"),
    [(5, 1.0, True), (60, 1.0, True), (1000, 1.0, False), (1000, 0.95, False), (500, 0.985, True)],
)
def test_too_few_photos_to_know_are_told(images: int, agreement: float, *, doubtful: bool) -> None:
    figures = gate.Figures(0.9, fp32_accuracy=0.9, agreement=agreement, images=images)
    assert bool(figures.doubts) is doubtful
    assert all(f"{images} photos are too few to know" in doubt for doubt in figures.doubts)


def test_weights_that_were_not_evaluated_are_refused(folder: Path) -> None:
    weights = folder / "resnet18.pth"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelError, match=r"model\.json beside it describes another file"):
        read_source(folder)


def test_missing_weights_name_the_remedy(folder: Path) -> None:
    (folder / "resnet18.pth").unlink()
    with pytest.raises(ModelError, match="make train"):
        read_source(folder)


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"other"), Path.unlink])
def test_class_means_that_are_not_the_models_are_refused(
    folder: Path, change: Callable[[Path], None]
) -> None:
    change(folder / CLASS_MEANS_FILE)
    with pytest.raises(ModelError, match=f"{CLASS_MEANS_FILE}: (model.json beside it|missing)"):
        read_source(folder)


def test_class_means_are_packed_where_the_model_has_them(folder: Path, tmp_path: Path) -> None:
    build(read_source(folder), "torch-fp32", None, tmp_path / "built")
    packed = (tmp_path / "built" / CLASS_MEANS_FILE).read_bytes()
    assert packed == (folder / CLASS_MEANS_FILE).read_bytes()
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    for name in ("class_means_sha256", "similarity_below"):  # as before there were any
        del description[name]
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    (folder / CLASS_MEANS_FILE).unlink()
    build(read_source(folder), "torch-fp32", None, tmp_path / "older")
    assert not (tmp_path / "older" / CLASS_MEANS_FILE).exists()


def test_a_head_of_another_size_is_refused(folder: Path) -> None:
    (folder / "index_to_name.json").write_text('{"0": "a", "1": "b"}', encoding="utf-8")
    with pytest.raises(BuildError, match="has 3 probabilities for 2 classes"):
        read_source(folder)
    answers = read_reference(folder / REFERENCE_FILE)
    write_reference(
        folder / REFERENCE_FILE, {name: np.full(2, 0.5, np.float32) for name in answers}
    )
    with pytest.raises(ModelError, match="not the weights of a resnet18 with 2 classes"):
        _ = read_source(folder).network


def test_an_unknown_runtime_is_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="choose one of openvino-int8"):
        build(read_source(model_folder), "onnx", None, tmp_path / "built")


@pytest.mark.slow
def test_a_model_brings_its_int8_form_for_machines_without_photos(
    folder: Path, data_set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: True))
    figures = quantise_starter(read_source(folder), data_set_folder)
    choice = build(read_source(folder), "openvino-int8", None, tmp_path / "built")
    assert choice.runtime == "openvino-int8"
    assert choice.accuracy == figures.as_dict()
    # It is held to its own answers, which may be far from float32's to a drawing.
    own = (folder / INT8_FOLDER / REFERENCE_FILE).read_bytes()
    assert (tmp_path / "built" / REFERENCE_FILE).read_bytes() == own
    assert own != (folder / REFERENCE_FILE).read_bytes()

    # A form of an earlier release has none.
    (folder / INT8_FOLDER / REFERENCE_FILE).unlink()
    build(read_source(folder), "openvino-int8", None, tmp_path / "earlier")
    answers = (tmp_path / "earlier" / REFERENCE_FILE).read_bytes()
    assert answers == (folder / REFERENCE_FILE).read_bytes()

    record = folder / INT8_FOLDER / FIGURES_FILE
    fields = json.loads(record.read_text(encoding="utf-8")) | {"weights_sha256": "0" * 64}
    record.write_text(json.dumps(fields), encoding="utf-8")
    other = build(read_source(folder), "openvino-int8", None, tmp_path / "other")
    assert other.runtime == "openvino-fp32"


@pytest.mark.slow
def test_a_form_is_not_compared_with_a_float32_that_is_wrong(
    folder: Path, data_set_folder: Path
) -> None:
    answers = read_reference(folder / REFERENCE_FILE)
    others = {name: np.array(values, np.float32)[::-1] for name, values in answers.items()}
    write_reference(folder / REFERENCE_FILE, others)
    with pytest.raises(BuildError, match="do not belong together"):
        quantise_starter(read_source(folder), data_set_folder)


def test_class_weights_are_those_of_the_head(model_folder: Path, tmp_path: Path) -> None:
    source = read_source(model_folder)
    build(source, "torch-fp32", None, tmp_path / "built")
    expected = head_of(source.network.module).weight.detach().numpy()
    assert np.array_equal(np.load(tmp_path / "built" / "class_weights.npy"), expected)


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "{}", "{", "\x00", '{"weights_sha256": 1}'),
        '{"weights_sha256": "x", "accuracy": "h", "fp32_accuracy": 1, "agreement": 1, "images": 9}',
        '{"weights_sha256": "x", "accuracy": 2, "fp32_accuracy": 1, "agreement": 1, "images": 9}',
        '{"weights_sha256": "x", "accuracy": 1, "fp32_accuracy": 1, "agreement": 1, "other": 9}',
    ],
)
def test_damaged_figures_are_one_line_that_names_them(
    folder: Path, tmp_path: Path, text: str
) -> None:
    shipped = folder / INT8_FOLDER
    shipped.mkdir()
    for name in ("model.xml", "model.bin", CLASS_WEIGHTS_FILE):
        (shipped / name).touch()
    (shipped / FIGURES_FILE).write_text(text)
    with pytest.raises(BuildError, match="not the figures of a quantised model") as caught:
        build(read_source(folder), "openvino-int8", None, tmp_path / "built")
    assert str(shipped / FIGURES_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)
