"""What an ONNX file says of itself: its network, and in its metadata class names and input.

Most files name neither classes nor preprocessing. Ultralytics's have both, and those of Azure
Custom Vision say how the input is made, as Windows ML reads it.
"""

from __future__ import annotations

import ast
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from archive.errors import ModelImportError
from archive.imports.labels import parse_class_names
from archive.imports.onnx_file import read_onnx
from archive.imports.preprocessing import BYTES, settle
from classifier.description import Preprocessing
from classifier.errors import ModelError
from classifier.onnx_graph import read_graph

if TYPE_CHECKING:
    from pathlib import Path

    from archive.imports.preprocessing import Wishes
    from classifier.onnx_graph import OnnxGraph

_NAMES = ("names", "labels", "classes", "class_names")
_CLASSIFY = "classify"  # Ultralytics's task
_BITMAP, _RANGE = "Image.BitmapPixelFormat", "Image.NominalPixelRange"  # Windows ML's
_OURS = "preprocessing"
_UNIT = ((0.0,) * 3, (1.0,) * 3)
_SHORT_SIDE = 256 / 224  # of torchvision's and PaddleClas's usual crop


class OnnxModel(NamedTuple):
    """An ONNX file that was read.

    Attributes:
        data: Its contents, all weights included.
        graph: What OpenVINO makes of it.
    """

    data: bytes
    graph: OnnxGraph

    @property
    def num_classes(self) -> tuple[int, ...]:
        """The numbers of classes that it may have: several if it has other outputs."""
        return tuple(dict.fromkeys(output.num_classes for output in self.graph.outputs))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names in its metadata; None if there are none.

        Raises:
            ModelImportError: They cannot be read.
        """
        for key in _NAMES:
            if key in self.graph.metadata:
                return parse_class_names(self._parsed(key), f"{self.graph.name}'s {key!r}")
        return None

    def _parsed(self, key: str) -> Any:
        text = self.graph.metadata[key]
        for parse in (json.loads, ast.literal_eval):  # Ultralytics writes Python's form
            try:
                content = parse(text)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                continue
            if isinstance(content, dict):
                return {str(index): name for index, name in content.items()}
            return content
        return [name.strip() for name in text.split(",")]


def read_onnx_model(path: Path, size: int | None) -> OnnxModel:
    """Read an ONNX file, for pictures of `size` pixels; None for its own size.

    Raises:
        ModelImportError: Its weights are not all there, or it is no classifier.
        ModelError: OpenVINO cannot read it, or it does not take several RGB pictures.
    """
    data = read_onnx(path)
    graph = read_graph(data, str(path), size)
    task = graph.metadata.get("task", _CLASSIFY)
    if task != _CLASSIFY:
        raise ModelImportError(f"{path}: made for the task {task!r}; only classifiers are served")
    return OnnxModel(data, graph)


def choose_preprocessing(graph: OnnxGraph, wishes: Wishes) -> tuple[Preprocessing, str]:
    """Return the preprocessing, and its source in words.

    Raises:
        ModelImportError: The values contradict each other, or the graph.
    """
    chosen, source = settle(*_default(graph), wishes)
    if graph.takes_bytes and (chosen.mean, chosen.std) != BYTES:
        raise ModelImportError(
            f"{graph.name}: takes bytes, 0..255, and normalises them itself: leave out --mean and "
            "--std"
        )
    return chosen, source


def _default(graph: OnnxGraph) -> tuple[Preprocessing, str]:
    size, metadata = graph.size, graph.metadata
    if _BITMAP in metadata:
        mean, std = BYTES if metadata.get(_RANGE) == "NominalRange_0_255" else _UNIT
        bgr = metadata[_BITMAP].startswith("Bgr")
        return Preprocessing(size, size, mean, std, True, "bicubic", bgr), "as its metadata say"
    if _OURS in metadata:  # written by `train.export`
        with contextlib.suppress(ModelError, TypeError, ValueError):
            told = Preprocessing(**json.loads(metadata[_OURS]))
            if graph.takes_bytes:
                told = replace(told, mean=BYTES[0], std=BYTES[1])
            return replace(told, bgr=False), "as its metadata say"
    if "task" in metadata:
        return Preprocessing(size, size, *_UNIT), "Ultralytics's, which wrote the metadata"
    usual = Preprocessing(resize=round(size * _SHORT_SIDE), crop=size)
    if graph.takes_bytes:
        usual = Preprocessing(usual.resize, size, *BYTES)
    return usual, (
        "ASSUMED, as the file does not say: check it with photos (DATA_URL=), or say what the "
        'training did, such as ARGS="--squash --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5"'
    )
