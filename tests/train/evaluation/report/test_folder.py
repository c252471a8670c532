"""The files of an evaluation, from a real network on drawn photos."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from classifier.network import load_network
from tests.models import ARCH, CLASS_NAMES, PHOTOS, PREPROCESSING, decode_freely
from train.data.data_set import to_data_set
from train.data.recognition import list_photos
from train.evaluation.evaluate import evaluate_folder
from train.evaluation.features import FEATURES
from train.evaluation.files import write_evaluation
from train.evaluation.predict import predict
from train.evaluation.report.gallery import MISTAKES, SUSPECTS, write_gallery
from train.evaluation.report.grammar import read_results
from train.evaluation.suspects import SUSPECTS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from train.evaluation.evaluate import Evaluation


def performance(folder: Path) -> dict[str, Any]:
    results = read_results(folder / "model_analysis_results.json")
    section: dict[str, Any] = results["en-us"]["precision_performance"]
    return section


def test_each_split_has_all_files(evaluated: Path) -> None:
    for split, count in PHOTOS.items():
        folder = evaluated / f"analysis-{split}"
        names = {path.name for path in folder.iterdir()}
        assert names >= {
            *("model_analysis_results.json", "all_samples.json", "tmp_model_analysis.npz"),
            *("report.html", "evaluation.json", "evaluation.md"),
        }
        assert performance(folder)["accuracy"]["value"]["images"] == count * len(CLASS_NAMES)


def test_the_arrays_are_what_the_handler_would_answer(
    evaluated: Path, model_folder: Path, data_set_folder: Path
) -> None:
    """For train too: the evaluation's transform, and the photos in their order."""
    data_set = to_data_set(data_set_folder, list_photos(data_set_folder))
    network = load_network(model_folder / f"{ARCH}.pth", ARCH, len(CLASS_NAMES))
    for split, photos in (("train", data_set.train), ("val", data_set.val)):
        with np.load(evaluated / f"analysis-{split}" / "tmp_model_analysis.npz") as arrays:
            np.testing.assert_array_equal(
                arrays["probabilities"], predict(network, photos, PREPROCESSING)
            )
            assert arrays["labels"].tolist() == [photo.label for photo in photos]
            assert tuple(arrays["class_names"]) == CLASS_NAMES
            assert tuple(arrays["feature_names"]) == FEATURES
            assert arrays["features"].shape == (len(photos), 6)
            sizes = [decode_freely(photo.path.read_bytes()).size for photo in photos]
            assert arrays["features"][:, 0].tolist() == [width * height for width, height in sizes]


def test_all_samples_are_named_as_the_bucket_knows_them(evaluated: Path) -> None:
    samples = json.loads((evaluated / "analysis-val/all_samples.json").read_text())["samples"]
    assert len(samples) == 12
    assert samples[0]["data_info"] == "obs://bucket/data_set/val/daisy/0.jpg"
    assert [one["labels"][0]["name"] for one in samples] == [
        name for name in CLASS_NAMES for _ in range(4)
    ]
    wrong = [one for one in samples if one["labels"] != one["predict_labels"]]
    strip = performance(evaluated / "analysis-val")["get_negative_samples_cls"]
    assert sorted(one["data_info"] for one in strip) == sorted(one["data_info"] for one in wrong)


@pytest.fixture(scope="module")
def again(model_folder: Path, data_set_folder: Path) -> Evaluation:
    """The same evaluation, computed once more."""
    return evaluate_folder(model_folder, data_set_folder)


def test_the_page_shows_suspect_labels_in_the_order_of_their_file(
    again: Evaluation, tmp_path: Path
) -> None:
    probabilities = again.splits["val"].probabilities.copy()
    wrong = [3, 8]  # photos that the model takes for another class, the second one more surely
    for index, share in zip(wrong, (0.9, 0.98), strict=True):
        label = again.splits["val"].labels[index]
        probabilities[index] = (1 - share) / (len(CLASS_NAMES) - 1)
        probabilities[index, label - 1] = share
    found = dataclasses.replace(again.splits["val"], probabilities=probabilities)
    write_evaluation(tmp_path, dataclasses.replace(again, splits={"val": found}))
    folder = tmp_path / "analysis-val"
    lines = (folder / SUSPECTS_FILE).read_text().splitlines()[1:]
    paths = [line.partition(",")[0] for line in lines]
    names = [found.photos[index].path.relative_to(again.data_set.root) for index in wrong[::-1]]
    assert paths[:2] == [name.as_posix() for name in names]
    page = (folder / "report.html").read_text()
    section = page[page.index('<section class="mistakes" id="suspects">') :]
    shown = re.findall(r'<span class="path">(.*?)</span>', section[: section.index("</section>")])
    assert shown == paths
    assert section.index("0.9800") < section.index("0.9000")
    assert '<a href="#suspects">' in page


def test_local_paths_are_told_within_the_data_set(
    again: Evaluation, data_set_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.evaluation.report.folder.write_gallery", lambda *_: None)
    monkeypatch.setattr("train.evaluation.report.folder.write_page", lambda *_: None)
    write_evaluation(tmp_path, again, photos_url=str(data_set_folder))
    samples = json.loads((tmp_path / "analysis-train/all_samples.json").read_text())["samples"]
    assert samples[0]["data_info"] == "train/daisy/0.jpg"


def test_an_evaluation_can_be_repeated_byte_for_byte(
    evaluated: Path, again: Evaluation, tmp_path: Path
) -> None:
    write_evaluation(tmp_path, again, photos_url="obs://bucket/data_set")
    first = {path.relative_to(evaluated): path.read_bytes() for path in files_in(evaluated)}
    second = {path.relative_to(tmp_path): path.read_bytes() for path in files_in(tmp_path)}
    assert first == second


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_gallery_shows_the_worst_mistakes_and_no_older_ones(
    model_folder: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    network = load_network(model_folder / f"{ARCH}.pth", ARCH, len(CLASS_NAMES))
    paths = [photo.path for photo in to_data_set(data_set_folder, list_photos(data_set_folder)).val]
    write_gallery(tmp_path, {MISTAKES: paths * 3, SUSPECTS: paths[:2]}, network, PREPROCESSING)
    assert len(files_in(tmp_path)) == 48 + 4
    write_gallery(tmp_path, {MISTAKES: paths[:1], SUSPECTS: []}, network, PREPROCESSING)
    assert [path.name for path in files_in(tmp_path)] == ["01-evidence.jpg", "01-photo.jpg"]
    photo, evidence = (
        np.asarray(Image.open(tmp_path / f"gallery/01-{kind}.jpg"), dtype=float)
        for kind in ("photo", "evidence")
    )
    assert photo.shape == evidence.shape == (168, 168, 3)
    assert np.abs(photo - evidence).mean() > 5  # the map lies over it
    write_gallery(tmp_path, {}, network, PREPROCESSING)
    assert files_in(tmp_path) == []
