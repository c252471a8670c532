"""Checks `model-config.yaml` before it is packed: TorchServe ignores what it cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from archive.errors import BuildError
from classifier.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

# TorchServe's integer settings of a model, with the smallest sensible value.
_MINIMUM = {
    "minWorkers": 1,
    "maxWorkers": 1,
    "batchSize": 1,
    "maxBatchDelay": 0,
    "responseTimeout": 1,
    "startupTimeout": 1,
    "jobQueueSize": 1,
}


def read_model_config(path: Path) -> dict[str, Any]:
    """Read and check a `model-config.yaml`.

    Raises:
        BuildError: It cannot be read, or TorchServe would ignore one of its settings.
        ModelError: The section `handler:` is wrong.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BuildError(f"{path}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise BuildError(f"{path}: expected settings such as `batchSize: 16`")
    for name, value in config.items():
        if name == "handler":
            continue
        if name not in _MINIMUM:
            raise BuildError(f"{path}: unknown setting {name!r}; known: {', '.join(_MINIMUM)}")
        smallest = _MINIMUM[name]
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            raise BuildError(
                f"{path}: {name} must be a whole number of at least {smallest}, found {value!r}"
            )
    if config.get("minWorkers", 1) > config.get("maxWorkers", 1):
        raise BuildError(f"{path}: minWorkers must not exceed maxWorkers")
    Settings.from_config(config)
    return config
