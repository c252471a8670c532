"""A model imported without photos: no accuracy is claimed, since none was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import archive.__main__ as archive_command
import archive.modelarts.__main__ as modelarts_command
from archive.imports.__main__ import main
from archive.verify import Verified
from tests.archive.imports.owners import SIZE
from tests.archive.packing import MODEL_CONFIG
from tests.handler.asking import Worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.archive.imports.owners import Owned


@pytest.fixture(scope="module")
def unmeasured(owned: Owned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder without any figure."""
    folder = tmp_path_factory.mktemp("unmeasured") / "model"
    assert main(["--weights", str(owned.folder), "--train-url", str(folder), *SIZE]) == 0
    return folder


def test_the_archive_says_never_measured_and_is_exact(unmeasured: Path, tmp_path: Path) -> None:
    command = ["build", "--model", str(unmeasured), "--runtime", "openvino-int8"]
    where = ["--output", str(tmp_path / "built"), "--model-config", str(MODEL_CONFIG)]
    assert archive_command.main([*command, *where]) == 0
    described = Worker(tmp_path / "built").ask_one({}, describe="True").json
    assert described["runtime"] == "openvino-fp32"
    assert described["val_accuracy"] == "never measured"
    assert described["runtime_accuracy"] == {}


def test_the_verify_line_says_what_is_known() -> None:
    assert Verified("", "openvino-fp32", ("a", "b"), 0.0, None).accuracy == "never measured"
    assert "91.84% in float32" in Verified("", "", (), 0.0, 0.9184).accuracy
    assert Verified("", "", (), 0.0, 0.9184, 0.9154).accuracy.startswith("91.54% when")


def test_the_package_for_modelarts_has_no_figures(
    unmeasured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert modelarts_command.main(["--model", str(unmeasured), "--output", str(tmp_path)]) == 0
    config = json.loads((tmp_path / "model/config.json").read_text(encoding="utf-8"))
    assert config["metrics"] == {}
    assert "(accuracy never measured)" in capsys.readouterr().out
