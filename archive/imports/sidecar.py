"""Reads a `config.json` beside the weights, in ModelArts' or timm's format.

Only what is needed to read the weights is used. Accuracy figures in it are unverified claims and
are ignored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from archive.errors import ModelImportError
from archive.imports.labels import parse_class_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Sidecar:
    """What `config.json` states; empty by default.

    Attributes:
        arch: The network's name, as timm writes it.
        class_names: In the order of the outputs.
        pretrained_cfg: timm's description of the input.
        source: What states it.
    """

    arch: str | None = None
    class_names: tuple[str, ...] | None = None
    pretrained_cfg: Mapping[str, Any] = field(default_factory=dict)
    source: str = "config.json"


def read_sidecar(path: Path | None) -> Sidecar:
    """Read a `config.json`; None, or another tool's file, gives an empty `Sidecar`.

    Raises:
        ModelImportError: It is damaged.
    """
    if path is None:
        return Sidecar()
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ModelImportError(f"{path}: cannot be read: {error}") from error
    if not isinstance(config, dict):
        return Sidecar()
    arch, cfg = config.get("architecture"), config.get("pretrained_cfg")
    names = config.get("label_names") or _enum(config)
    return Sidecar(
        arch if isinstance(arch, str) else None,
        parse_class_names(names, str(path)) if names else None,
        cfg if isinstance(cfg, dict) else {},
    )


def _enum(config: Mapping[str, Any]) -> list[str] | None:
    """Return the class names from ModelArts' description of the reply, if it lists them."""
    try:
        properties = config["apis"][0]["response"]["data"]["properties"]
        names = properties["predicted_label"]["enum"]
    except (KeyError, IndexError, TypeError):
        return None
    return names if isinstance(names, list) else None
