"""A data set's classes are matched with the model's by name, whatever their orders."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from archive import gate
from archive.build import build
from archive.exam import Exam
from archive.modelarts.figures import find_figures
from archive.photos import read_photos
from archive.source import read_source
from classifier.description import Preprocessing
from classifier.errors import ModelError
from classifier.labels import positions, write_labels
from classifier.runtimes import RUNTIMES
from tests.models import CLASS_NAMES, infer_eagerly, tiny_network

if TYPE_CHECKING:
    from pathlib import Path

    from archive.source import Source

REVERSED = tuple(reversed(CLASS_NAMES))


@pytest.fixture
def turned(model_folder: Path, tmp_path: Path) -> Path:
    """The usual model, whose outputs are said to be the classes in the opposite order."""
    folder = shutil.copytree(model_folder, tmp_path / "turned")
    write_labels(folder / "index_to_name.json", REVERSED)
    return folder


def test_positions_are_by_name() -> None:
    assert positions(("b", "c", "a"), ("a", "b", "c")) == [2, 0, 1]
    with pytest.raises(ModelError, match="not the same classes: a, b; and a, c"):
        positions(("a", "b"), ("a", "c"))


def test_photos_have_the_models_indices(data_set_folder: Path) -> None:
    small = Preprocessing(resize=32, crop=32)
    usual = read_photos(data_set_folder, CLASS_NAMES, small)
    other = read_photos(data_set_folder, REVERSED, small)
    for mine, its in zip(usual, other, strict=True):
        assert [CLASS_NAMES[i] for i in mine.labels] == [REVERSED[i] for i in its.labels]
        assert all(np.array_equal(a, b) for a, b in zip(mine.pixels, its.pixels, strict=True))


def test_the_gate_measures_what_is_served(turned: Path, data_set_folder: Path) -> None:
    source = read_source(turned)
    exam = Exam(source, data_set_folder)
    val = read_photos(data_set_folder, CLASS_NAMES, source.description.preprocessing).val
    logits, _ = infer_eagerly(tiny_network(), np.stack(val.pixels))
    answered = [REVERSED[index] for index in logits.argmax(axis=1)]
    right = np.mean([name == CLASS_NAMES[i] for name, i in zip(answered, val.labels, strict=True)])
    usual = np.mean(logits.argmax(axis=1) == val.labels)
    assert right != usual  # or nothing would be seen here
    figures = exam.take("torch-fp32", _built(source, turned.parent / "built")).figures
    assert figures.accuracy == figures.fp32_accuracy == pytest.approx(right)


def test_the_figures_of_modelarts_are_by_name(turned: Path, data_set_folder: Path) -> None:
    found = find_figures(read_source(turned), lambda: data_set_folder)
    val = read_photos(data_set_folder, REVERSED, Preprocessing()).val
    logits, _ = infer_eagerly(tiny_network(), np.stack(val.pixels))
    assert found["accuracy"] == pytest.approx(
        np.mean(logits.argmax(axis=1) == val.labels), abs=1e-6
    )


def test_photos_of_other_classes_give_no_figure(
    model_folder: Path,
    data_set_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A library that was imported meanwhile may have silenced all loggers that there were.
    monkeypatch.setattr("archive.modelarts.figures.logger.disabled", False)
    folder = shutil.copytree(data_set_folder, tmp_path / "data")
    for split in ("train", "val"):
        (folder / split / "daisy").rename(folder / split / "thistle")
    found = find_figures(read_source(model_folder), lambda: folder)
    assert found == {"accuracy": 0.75}  # of model.json
    assert "are not the model's: not measured" in caplog.text


def test_photos_are_decoded_once_and_float32_computed_once(
    model_folder: Path, data_set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many forms are tried: here int8 and bf16 fail, and float32 is taken."""
    read, answered = [], []
    predict = gate.predict

    def remember_reading(*arguments: Any) -> Any:
        read.append(arguments)
        return read_photos(*arguments)

    def remember_answering(runtime: str, *arguments: Any) -> gate.Answers:
        answered.append(runtime)
        return predict(runtime, *arguments)

    monkeypatch.setattr("archive.exam.read_photos", remember_reading)
    monkeypatch.setattr(gate, "predict", remember_answering)
    monkeypatch.setattr(gate.Figures, "passes", property(lambda _: False))
    monkeypatch.setattr("archive.optimise.quantise", lambda model, _calibration: model)
    choice = build(read_source(model_folder), "openvino-int8", data_set_folder, tmp_path / "built")
    assert choice.runtime == "openvino-fp32"
    assert len(read) == 1
    assert sorted(answered) == ["openvino-bf16", "openvino-fp32", "openvino-int8"]


def test_every_form_leads_to_an_exact_one() -> None:
    for name, form in RUNTIMES.items():
        assert name == f"{form.engine}-{form.precision}"
        if form.more_exact:
            following = RUNTIMES[form.more_exact]
            assert following.engine == form.engine
            assert following.tolerance < form.tolerance
        else:
            assert form.precision == "fp32"


def _built(source: Source, folder: Path) -> Path:
    return folder / build(source, "torch-fp32", None, folder).model_file
