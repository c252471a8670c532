"""Class names that are not ASCII, or differ in a blank only, through a server in the C locale."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from classifier.labels import LABELS_FILE, write_labels
from classifier.reference import REFERENCE_NAMES, draw_png
from tests.e2e.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

NAMES = ("a b", "a_b", "雏菊")
JAVA_17 = Path("/usr/lib/jvm/java-17-openjdk-amd64")  # later ones write UTF-8 by themselves


@pytest.fixture
def server(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server of a model with those classes."""
    monkeypatch.setenv("LC_ALL", "C")
    if JAVA_17.is_dir():
        monkeypatch.setenv("JAVA_HOME", str(JAVA_17))
    folder = shutil.copytree(model_folder, tmp_path / "model")
    write_labels(folder / LABELS_FILE, NAMES)
    home = tmp_path / "home"
    home.mkdir()
    server = Served.at(home, f"TRAIN_URL={folder}", "DATA_URL=none", "RUNTIME=openvino-fp32")
    try:
        server.make("archive", "serve")
        yield server
    finally:
        server.make("stop")


def test_each_class_has_a_series_with_its_name(server: Served) -> None:
    token = server.tokens.current("inference")
    reply = requests.post(
        f"{server.url}/predictions/flowers",
        data=draw_png(REFERENCE_NAMES[0]),
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert set(json.loads(reply.content.decode("utf-8"))) == set(NAMES)
    page = requests.get(f"{server.metrics_url}/metrics", timeout=60).content.decode("utf-8")
    series = re.findall(r'^marigold_predictions_total\{.*class="([^"]*)"', page, re.MULTILINE)
    assert sorted(series) == sorted(NAMES)
