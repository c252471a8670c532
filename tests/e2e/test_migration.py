"""The migration page, followed: from a bucket in the original's layout to a served model."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import torch
import torchvision
from PIL import Image

from classifier.description import Preprocessing
from classifier.network import build_network
from tests.archive.imports.owners import CLASS_NAMES as OWNED_NAMES
from tests.archive.imports.owners import draw_photos, fitted, write_bucket
from tests.e2e.page import PAGE, blocks
from tests.e2e.served import ROOT, Served, clean_environment
from tests.models import CLASS_NAMES
from tests.s3 import FOREIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3

BUCKET = "resnet-576f"
TINY = "arch=resnet18 epochs=4 lr=1e-3 batch_size=8 workers=0 crop_first=64 crop_last=64"
EVALUATION = {"model_analysis_results.json", "all_samples.json", "tmp_model_analysis.npz"}


def follow(block: str, environment: dict[str, str], **changes: str) -> str:
    """Run a block of the page as it stands, but for the port; return what it prints."""
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace(":8080/", f":{environment['PORT']}/")],
        cwd=ROOT,
        env=environment | changes,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def environment_of(server: Served, s3: S3) -> dict[str, str]:
    """The variables with which the page's commands use this server and this bucket."""
    return {
        **{name: v for name, v in clean_environment().items() if not FOREIGN.fullmatch(name)},
        **s3.environment(server.home),
        "PORT": str(server.port),
        "RUN_DIR": str(server.run_dir),
        "MODEL_STORE": str(server.home / "store"),
        "BUILD_DIR": str(server.home / "build"),
        "RUNTIME": "openvino-fp32",
    }


@pytest.mark.e2e
@pytest.mark.slow
def test_the_page_leads_from_the_bucket_to_a_served_model(
    s3: S3, data_set_folder: Path, tmp_path: Path
) -> None:
    s3.make_bucket(BUCKET)
    s3.put_folder(BUCKET, "data_set", data_set_folder)
    weights = tmp_path / "resnet18-pre.pth"
    torch.manual_seed(1)
    torch.save(build_network("resnet18", 1000).state_dict(), weights)
    s3.put(BUCKET, f"data_set/{weights.name}", weights.read_bytes())
    server = Served.at(tmp_path)
    environment = environment_of(server, s3)
    _, train, deploy, predict, back = blocks("bash")
    try:
        arguments = " ".join(f"--set {setting}" for setting in TINY.split())
        output = follow(train, environment, ARGS=arguments)
        assert f"obs://{BUCKET}/resnet/trained: " in output
        for split in ("train", "val"):
            folder = f"out/analysis-{split}/"
            names = {key.removeprefix(folder) for key in s3.keys(BUCKET) if key.startswith(folder)}
            assert names >= EVALUATION | {"report.html"}
        samples = s3.get(BUCKET, "out/analysis-val/all_samples.json").decode()
        assert f"obs://{BUCKET}/data_set/val/daisy/0.jpg" in samples
        assert "resnet/trained/checkpoint.pt" in s3.keys(BUCKET)

        assert "verified" in follow(deploy, environment)
        lines = follow(predict, environment).splitlines()
        first = re.match(rf"obs://{BUCKET}/data_set/val/daisy/1\.jpg +(\w+)", lines[-2])
        assert first
        assert first[1] in CLASS_NAMES
        reply = json.loads(lines[-1])
        assert reply.keys() == {"predicted_label", "scores"}
        assert dict(reply["scores"]).keys() == set(CLASS_NAMES)
    finally:
        server.make("stop")

    follow(back, environment)
    config = json.loads(s3.get(BUCKET, "resnet/model/config.json"))
    report = json.loads(s3.get(BUCKET, "resnet/trained/report.json"))
    accuracy = report["metrics"]["val"]["accuracy"]
    assert config["metrics"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert config["metrics"].keys() == {"accuracy", "f1", "precision", "recall"}
    assert "resnet/model/customize_service.py" in s3.keys(BUCKET)


@pytest.mark.e2e
@pytest.mark.slow
def test_the_model_that_was_left_in_the_bucket_answers_as_its_old_service_did(
    s3: S3, tmp_path: Path
) -> None:
    draw_photos(tmp_path / "photos")
    old = fitted(tmp_path / "photos", Preprocessing(), "resnet34")
    write_bucket(tmp_path / "model", old, "resnet34")
    s3.make_bucket("left-576f")
    s3.put_folder("left-576f", "resnet/model", tmp_path / "model")
    s3.put_folder("left-576f", "data_set", tmp_path / "photos")
    server = Served.at(tmp_path)
    environment = environment_of(server, s3)
    try:
        output = follow(blocks("bash")[0].replace(BUCKET, "left-576f"), environment)
        assert "network: resnet34, found" in output
        assert "accuracy 100.0 % on 36 photos" in output
        assert "accuracy 100.00% through the archive, on 36 photos" in output
        paths = sorted((tmp_path / "photos").rglob("*.png"))
        assert len(paths) >= 48
        transform = torchvision.models.ResNet34_Weights.DEFAULT.transforms()
        images = torch.stack([transform(Image.open(path)) for path in paths])
        with torch.inference_mode():
            expected = old(images).softmax(dim=1)
        for path, scores in zip(paths, expected, strict=True):
            served = dict(server.inference.predict(path.read_bytes()).scores)
            assert max(served, key=lambda name: served[name]) == OWNED_NAMES[int(scores.argmax())]
            for name, score in zip(OWNED_NAMES, scores.tolist(), strict=True):
                assert served[name] == pytest.approx(score, abs=1e-2)
    finally:
        server.make("stop")


def test_the_page_names_what_the_package_holds() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("customize_service.py", "model.py", "pixels.py", "config.json", "model.json"):
        assert f"`{name}`" in text
