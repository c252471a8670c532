"""The migration page, followed: from a bucket in the original's layout to a served model."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import torch

from classifier.network import build_network
from tests.e2e.page import PAGE, blocks
from tests.e2e.served import ROOT, Served, clean_environment
from tests.models import CLASS_NAMES
from tests.s3 import FOREIGN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3

BUCKET = "resnet-576f"
TINY = "arch=resnet18 epochs=1 batch_size=8 workers=0 crop_first=64 crop_last=64"
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


@pytest.mark.e2e
@pytest.mark.slow
def test_the_page_leads_from_the_bucket_to_a_served_model(
    s3: S3, data_set_folder: Path, tmp_path: Path
) -> None:
    s3.make_bucket(BUCKET)
    s3.put_folder(BUCKET, "data_set", data_set_folder)
    weights = tmp_path / "resnet18-pre.pth"
    torch.save(build_network("resnet18", 1000).state_dict(), weights)
    s3.put(BUCKET, f"data_set/{weights.name}", weights.read_bytes())
    server = Served.at(tmp_path)
    environment = {
        **{name: v for name, v in clean_environment().items() if not FOREIGN.fullmatch(name)},
        **s3.environment(tmp_path),
        "PORT": str(server.port),
        "RUN_DIR": str(server.run_dir),
        "MODEL_STORE": str(tmp_path / "store"),
        "BUILD_DIR": str(tmp_path / "build"),
        "RUNTIME": "openvino-fp32",
    }
    train, deploy, predict, back = blocks("bash")
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


def test_the_page_names_what_the_package_holds() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("customize_service.py", "model.py", "pixels.py", "config.json", "model.json"):
        assert f"`{name}`" in text
