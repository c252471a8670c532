"""The package as a folder: its contents, and that the platform can read it."""

from __future__ import annotations

import ast
import importlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from sklearn.metrics import precision_recall_fscore_support

from archive.modelarts.__main__ import main
from archive.modelarts.errors import PackageError
from archive.modelarts.figures import find_figures
from archive.modelarts.package import TEMPLATE, write_package
from archive.source import read_source
from classifier.description import INTERPOLATIONS, Preprocessing, sha256_of_file
from classifier.image_kinds import ACCEPTED_FORMATS
from classifier.images import read_pixels
from classifier.network import load_network
from tests.classifier.test_colour import profile
from tests.models import ARCH, CLASS_NAMES
from tests.networks import write_other_model
from tests.pictures import PICTURE, SAMPLES_OF_ANY_PILLOW, encode
from train.data.check import check_data_set
from train.evaluation.predict import predict

there: Any = importlib.import_module(
    "archive.modelarts.template.pixels"
)  # it has no types to check
SCHEMA = json.loads(Path(__file__).with_name("config.schema.json").read_text(encoding="utf-8"))
LARGE = PICTURE.resize((2400, 1920))
NO_LIMIT = 10**12


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_platform_accepts_what_the_archive_does() -> None:
    # old releases of Pillow call a JPEG with more than one picture MPO
    ours = {name.upper() for name in ACCEPTED_FORMATS}
    # The Pillow of that platform knows no AVIF.
    assert set(there.ACCEPTED_FORMATS) - {"MPO"} == ours - {"AVIF"}


def test_the_package_has_what_the_platform_asks_for(package: Path, model_folder: Path) -> None:
    names = {path.name for path in package.iterdir()}
    assert names == {
        *("config.json", "customize_service.py", "model.py", "pixels.py"),
        *("index_to_name.json", "model.json", f"{ARCH}.pth"),
    }
    weights = torch.load(package / f"{ARCH}.pth", weights_only=True)
    original = torch.load(model_folder / f"{ARCH}.pth", weights_only=True)
    assert all(torch.equal(weights[key], original[key]) for key in original)
    assert read(package / "model.json")["weights_sha256"] == sha256_of_file(package / f"{ARCH}.pth")
    assert list(read(package / "index_to_name.json").values()) == list(CLASS_NAMES)


def test_the_config_is_in_the_documented_form(package: Path) -> None:
    config = read(package / "config.json")
    jsonschema.validate(config, SCHEMA)
    reply = config["apis"][0]["response"]["data"]
    jsonschema.validate({"predicted_label": "daisy", "scores": [["daisy", 0.9]]}, reply)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"predicted_label": "no such class"}, reply)


def test_the_metrics_are_scikit_learns(
    package: Path, model_folder: Path, data_set_folder: Path
) -> None:
    data_set, _ = check_data_set(data_set_folder)
    network = load_network(model_folder / f"{ARCH}.pth", ARCH, len(CLASS_NAMES))
    predicted = predict(network, data_set.val, Preprocessing()).argmax(axis=1)
    labels = [photo.label for photo in data_set.val]
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, average="macro", zero_division=0.0
    )
    accuracy = float((predicted == labels).mean())
    expected = {"accuracy": accuracy, "f1": f1, "recall": recall, "precision": precision}
    assert read(package / "config.json")["metrics"] == pytest.approx(expected, abs=1e-6)


def test_without_photos_no_figure_is_made_up(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(model_folder), "--data-url", "none", "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert read(tmp_path / "model/config.json")["metrics"] == {"accuracy": 0.75}  # of model.json
    assert "accuracy 75.0%" in capsys.readouterr().out
    assert main(arguments) == 0  # an older package is replaced


def test_a_report_of_other_weights_is_not_believed(model_folder: Path, tmp_path: Path) -> None:
    for path in model_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    source = read_source(tmp_path)
    per_class = [{"f1": 0.5, "recall": 0.5, "precision": 0.5}]
    report: dict[str, Any] = {"metrics": {"val": {"per_class": per_class}}}
    for digest, names in (
        (source.description.weights_sha256, {"accuracy", "f1", "recall", "precision"}),
        ("0" * 64, {"accuracy"}),
    ):
        report["sha256"] = {source.weights.name: digest}
        (tmp_path / "report.json").write_text(json.dumps(report))
        assert find_figures(source, lambda: None).keys() == names


def test_what_is_in_the_way_is_left_alone(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/precious").touch()
    assert main(["--model", str(model_folder), "--output", str(tmp_path)]) == 1
    assert "exists and is not a ModelArts package: remove it" in capsys.readouterr().err
    assert (tmp_path / "model/precious").exists()


@pytest.mark.parametrize("path", sorted(TEMPLATE.glob("*.py")), ids=lambda path: path.name)
def test_the_platforms_python_can_read_what_is_shipped(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
    modules = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]  # type: ignore[union-attr]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    platform = {"PIL", "model", "model_service", "numpy", "pixels", "torch", "torchvision"}
    assert modules <= platform | {"base64", "binascii", "io", "json", "os"}


@pytest.mark.parametrize("name", SAMPLES_OF_ANY_PILLOW)
def test_the_package_sees_what_the_handler_sees(name: str) -> None:
    assert_seen_alike(SAMPLES_OF_ANY_PILLOW[name].file)


def test_the_package_refuses_avif_whatever_its_pillow_reads() -> None:
    with pytest.raises(there.BadImage, match="AVIF is not one of JPEG, "):
        there.read_pixels(encode(PICTURE, "AVIF"), 256, 224)


@pytest.mark.parametrize("size", [(2400, 1920), (1023, 2047), (777, 513), (5, 300)])
def test_it_sees_photos_of_any_size_alike(size: tuple[int, int]) -> None:
    assert_seen_alike(encode(LARGE.resize(size), "JPEG", quality=85))


@pytest.mark.parametrize("orientation", range(10))
def test_it_turns_photos_as_the_handler_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    assert_seen_alike(encode(PICTURE, "JPEG", exif=exif))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_it_converts_colours_as_the_handler_does(mode: str) -> None:
    assert_seen_alike(encode(PICTURE.convert(mode), "JPEG", icc_profile=profile()))


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("size", [(777, 513), (1203, 1601)])
def test_it_resizes_as_the_model_says(
    interpolation: str, size: tuple[int, int], *, squash: bool
) -> None:
    wanted = Preprocessing(176, 160, squash=squash, interpolation=interpolation)
    file = encode(LARGE.resize(size), "JPEG", quality=85)
    here = read_pixels(file, wanted, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    np.testing.assert_array_equal(there.read_pixels(file, 176, 160, squash, interpolation), here)


def test_a_network_that_the_platform_has_not_is_refused(tmp_path: Path) -> None:
    write_other_model(tmp_path / "model", "timm/test_efficientnet")
    with pytest.raises(PackageError, match="timm/test_efficientnet is timm's, and ModelArts has"):
        write_package(read_source(tmp_path / "model"), {}, tmp_path / "package")


def assert_seen_alike(file: bytes) -> None:
    here = read_pixels(file, Preprocessing(), max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
    np.testing.assert_array_equal(there.read_pixels(file, 256, 224), here)


@pytest.mark.parametrize("file", [b"", b"no image", encode(PICTURE, "PNG")[:500], b"%PDF-1.7"])
def test_what_is_no_image_is_the_senders_fault(file: bytes) -> None:
    with pytest.raises(there.BadImage):
        there.read_pixels(file, 256, 224)
