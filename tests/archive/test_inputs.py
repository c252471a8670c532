"""An archive is rebuilt when any of its inputs changes, and only then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from archive.inputs import Wishes, change_since, write_record
from tests.archive.packing import MODEL_CONFIG, ROOT


def command(*arguments: str) -> str:
    process = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stderr


@pytest.fixture
def folder(model_folder: Path, tmp_path: Path) -> Path:
    """A model folder that a test may change."""
    return shutil.copytree(model_folder, tmp_path / "model")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A model-config.yaml that a test may change."""
    return Path(shutil.copy(MODEL_CONFIG, tmp_path / "config.yaml"))


@pytest.fixture
def wishes(folder: Path, config: Path) -> Wishes:
    """What was asked for."""
    return Wishes(str(folder), "openvino-fp32", "1.0", str(config))


@pytest.fixture
def record(tmp_path: Path, wishes: Wishes) -> Path:
    """A record of a build that used no photos."""
    write_record(tmp_path / "record", wishes, None)
    return tmp_path / "record"


def test_nothing_has_changed(record: Path, wishes: Wishes, data_set_folder: Path) -> None:
    assert change_since(record, wishes, None) is None
    assert change_since(record, wishes, str(data_set_folder)) is None  # no photos were used


def test_a_file_that_was_only_touched_has_not_changed(
    record: Path, wishes: Wishes, folder: Path
) -> None:
    os.utime(folder / "model.json")
    assert change_since(record, wishes, None) is None


def test_every_wish_counts(record: Path, wishes: Wishes) -> None:
    other = wishes._replace(runtime="openvino-bf16")
    assert change_since(record, other, None) == "runtime was openvino-fp32, is openvino-bf16"
    assert change_since(record, wishes._replace(version="2.0"), None) == "version was 1.0, is 2.0"


def test_every_file_counts(record: Path, wishes: Wishes, folder: Path, config: Path) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "# changed\n", encoding="utf-8")
    assert change_since(record, wishes, None) == f"{config} has changed"
    config.write_text(text, encoding="utf-8")
    (folder / "openvino-int8").mkdir()
    (folder / "openvino-int8" / "model.xml").touch()
    assert str(change_since(record, wishes, None)).endswith("openvino-int8/model.xml is new")
    shutil.rmtree(folder / "openvino-int8")
    (folder / "class_means.npy").unlink()
    assert str(change_since(record, wishes, None)).endswith("class_means.npy has changed")


@pytest.mark.parametrize(
    "name", ["handler/classifier/images.py", "archive/probe.py", "archive/torch_placeholder.py"]
)
def test_what_is_packed_or_checks_counts(record: Path, wishes: Wishes, name: str) -> None:
    content = json.loads(record.read_text(encoding="utf-8"))
    content["files"][name] = [1, 1, "0" * 64]
    record.write_text(json.dumps(content), encoding="utf-8")
    assert change_since(record, wishes, None) == f"{name} has changed"


@pytest.mark.parametrize("text", ["", "{"])
def test_without_a_record_nothing_is_known(record: Path, wishes: Wishes, text: str) -> None:
    record.write_text(text, encoding="utf-8")
    assert change_since(record, wishes, None) == "there is no record of what it was built from"


@pytest.mark.slow
def test_photos_count_where_a_build_would_use_them(
    folder: Path, config: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    photos = shutil.copytree(data_set_folder, tmp_path / "photos")
    record, changed = tmp_path / "flowers.inputs", tmp_path / "flowers.changed"
    wishes = ["--model", str(folder), "--runtime", "openvino-bf16", "--model-config", str(config)]

    def build(data_url: str) -> None:
        options = [*wishes, "--data-url", data_url, "--output", str(tmp_path / "flowers")]
        command("archive", "build", *options, "--record", str(record))

    def told(data_url: str) -> str:
        options = [*wishes, "--data-url", data_url, "--changed", str(changed)]
        return command("archive.inputs", str(record), *options)

    build("none")
    assert told("none") == ""
    before = changed.stat().st_mtime_ns
    assert told("none") == ""
    assert changed.stat().st_mtime_ns == before
    assert "rebuilding the archive: the photos have changed" in told(str(photos))
    assert changed.stat().st_mtime_ns > before

    build(str(photos))
    # The module that makes the calibration's pixels, and the packages that it needs.
    files = json.loads(record.read_text(encoding="utf-8"))["files"]
    assert {"train/data/data_set.py", "requirements/full.txt"} <= files.keys()
    assert told(str(photos)) == ""
    next(photos.rglob("*.jpg")).unlink()
    assert "the photos have changed" in told(str(photos))
    assert "the photos have changed" in told("none")


@pytest.mark.slow
def test_make_builds_anew_only_what_has_changed(folder: Path, tmp_path: Path) -> None:
    def made(*wishes: str) -> str:
        places = [f"MODEL_STORE={tmp_path / 'store'}", f"BUILD_DIR={tmp_path / 'build'}"]
        process = subprocess.run(
            [
                "make",
                "--no-print-directory",
                "-C",
                str(ROOT),
                "archive",
                f"TRAIN_URL={folder}",
                *places,
                "DATA_URL=none",
                *wishes,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return process.stdout

    assert "built " in made("RUNTIME=openvino-fp32")
    assert made("RUNTIME=openvino-fp32") == ""
    (folder / "notes.md").write_text("new\n", encoding="utf-8")
    assert "built " in made("RUNTIME=openvino-fp32")
    assert made("RUNTIME=openvino-fp32") == ""
    assert "built " in made("RUNTIME=torch-fp32")
