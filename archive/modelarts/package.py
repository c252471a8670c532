"""Turns a model folder into the folder `model/` that ModelArts imports."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.modelarts.config import make_config
from archive.modelarts.errors import PackageError
from classifier.architectures import ONNX, file_name, library_of
from classifier.description import DESCRIPTION_FILE
from classifier.labels import LABELS_FILE
from classifier.network import read_state_dict
from storage.files import atomic_folder
from train.fit.weights import write_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archive.source import Source

PACKAGE_FOLDER = "model"  # the platform's name
CONFIG_FILE = "config.json"
TEMPLATE = Path(__file__).with_name("template")
SHIPPED = ("customize_service.py", "model.py", "pixels.py")


def write_package(source: Source, figures: Mapping[str, float], root: Path) -> Path:
    """Write the package into `root`, all of it or nothing; an older one is replaced.

    The weights become a plain float32 state dict, which the platform's PyTorch can read.

    Args:
        source: The checked model.
        figures: The accuracy figures for `config.json`.
        root: Parent folder of the package's folder, `model/`.

    Returns:
        The package's folder.

    Raises:
        PackageError: Something else is in its place, or the network is timm's.
    """
    if source.description.arch == ONNX:
        raise PackageError(
            f"{source.folder} holds an ONNX graph, and ModelArts' PyTorch cannot run it: serve it "
            "with `make archive serve`"
        )
    if library_of(source.description.arch) != "torchvision":
        raise PackageError(
            f"{source.description.arch} is timm's, and ModelArts has only torchvision: train one "
            "of torchvision's networks, or serve this one with `make archive serve`"
        )
    target = root / PACKAGE_FOLDER
    if target.exists() and not (target / CONFIG_FILE).is_file():
        raise PackageError(
            f"{target} exists and is not a ModelArts package: remove it, or choose another "
            "MODELARTS_URL"
        )
    with atomic_folder(target) as folder:
        _fill(folder, source, figures)
    return target


def _fill(folder: Path, source: Source, figures: Mapping[str, float]) -> None:
    weights = folder / file_name(source.description.arch, ".pth")
    sha256 = write_weights(weights, read_state_dict(source.weights))
    description = dataclasses.replace(
        source.description, weights_file=weights.name, weights_sha256=sha256
    )
    _write_json(folder / DESCRIPTION_FILE, dataclasses.asdict(description))
    _write_json(folder / CONFIG_FILE, make_config(figures, source.class_names))
    shutil.copyfile(source.folder / LABELS_FILE, folder / LABELS_FILE)
    for name in SHIPPED:
        shutil.copyfile(TEMPLATE / name, folder / name)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")
