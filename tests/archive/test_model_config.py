"""Settings that TorchServe would silently ignore are refused before packing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archive.errors import BuildError
from archive.model_config import read_model_config
from classifier.errors import ModelError
from tests.archive.packing import MODEL_CONFIG

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_configuration_is_valid() -> None:
    assert read_model_config(MODEL_CONFIG)["batchSize"] >= 1


@pytest.mark.parametrize(
    ("line", "changed", "message"),
    [
        ("batchSize: 16", "batchSize: many", "batchSize must be a whole number of at least 1"),
        ("batchSize: 16", "batchSize: 0", "batchSize must be a whole number of at least 1"),
        ("batchSize: 16", "batchSize: true", "batchSize must be a whole number of at least 1"),
        ("batchSize: 16", "batchsize: 16", "unknown setting 'batchsize'"),
        ("minWorkers: 1", "minWorkers: 9", "minWorkers must not exceed maxWorkers"),
    ],
)
def test_settings_that_torchserve_would_ignore_are_refused(
    tmp_path: Path, line: str, changed: str, message: str
) -> None:
    config = tmp_path / "model-config.yaml"
    text = MODEL_CONFIG.read_text(encoding="utf-8")
    assert line in text
    config.write_text(text.replace(line, changed), encoding="utf-8")
    with pytest.raises(BuildError, match=message):
        read_model_config(config)


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "just words"])
def test_what_is_no_list_of_settings_is_refused(tmp_path: Path, text: str) -> None:
    config = tmp_path / "model-config.yaml"
    config.write_text(text, encoding="utf-8")
    with pytest.raises(BuildError, match=r"cannot be read|expected settings"):
        read_model_config(config)


def test_the_handlers_own_settings_are_checked_too(tmp_path: Path) -> None:
    config = tmp_path / "model-config.yaml"
    config.write_text("batchSize: 4\nhandler:\n  top_k: 0\n", encoding="utf-8")
    with pytest.raises(ModelError, match=r"handler\.\w+ is missing"):
        read_model_config(config)
