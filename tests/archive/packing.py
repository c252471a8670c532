"""Packs a .mar as the Makefile does: TorchServe's own archiver, then our seal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archive.build import build
from archive.seal import seal
from archive.source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
MODEL_CONFIG = ROOT / "config" / "model-config.yaml"


def pack(
    model_folder: Path,
    store: Path,
    runtime: str = "openvino-fp32",
    changed: Mapping[str, str] | None = None,
) -> Path:
    """Build and pack a sealed .mar; `changed` replaces files of the built folder before packing."""
    built = store / "build"
    build(read_source(model_folder), runtime, None, built)
    for name, text in (changed or {}).items():
        (built / name).write_text(text, encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("torch-model-archiver")),
        *("--model-name", "drawn", "--version", "1.0"),
        *("--handler", str(ROOT / "handler" / "resnet_handler.py")),
        *("--extra-files", f"{built},{ROOT / 'handler'}"),
        *("--config-file", str(MODEL_CONFIG)),
        *("--export-path", str(store)),
    ]
    temporary = store / "tmp"
    temporary.mkdir()
    subprocess.run(command, check=True, capture_output=True, env={"TMPDIR": str(temporary)})
    mar = store / "drawn.mar"
    seal(mar)
    return mar
