"""Reads an ONNX file whole: weights that are kept in files beside it are taken into it.

So that a model folder has one file of weights, and one hash. PyTorch's exporter writes
`model.onnx.data` unless told otherwise. `onnx` itself would read them too, but refuses symbolic
links, and what comes from a bucket is one.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import onnx
from google.protobuf.message import DecodeError

from archive.errors import ModelImportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 2**31 - 1  # bytes of a protobuf message
# Nodes that compute in integers. DequantizeLinear alone keeps weights small, and is exact.
_QUANTISED = re.compile(
    r"QuantizeLinear|DynamicQuantize\w+|QLinear\w+|Q(Gemm|Attention)|\w+Integer\w*"
)
_REMEDY = "export it into one file (torch.onnx.export(..., external_data=False))"


def read_onnx(path: Path) -> bytes:
    """Return the contents of an ONNX file, with all weights in it.

    Raises:
        ModelImportError: It is no ONNX file, or one of a quantised network; or weights that are
            kept beside it are missing, cut off, elsewhere, or too many for one file.
    """
    data = path.read_bytes()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelImportError(f"{path}: damaged, or no ONNX file") from error
    quantised = {node.op_type for node in model.graph.node if _QUANTISED.fullmatch(node.op_type)}
    if quantised:
        raise ModelImportError(
            f"{path}: is quantised already ({', '.join(sorted(quantised))}), for another runtime, "
            "and this one would answer otherwise: import the float file it was made of, and `make "
            "archive` makes int8 of it, where that passes its gate"
        )
    outside = [
        tensor
        for tensor in _tensors(model.graph)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
    ]
    if not outside:
        return data
    places = [_place(tensor, path) for tensor in outside]
    if len(data) + sum(length for _, _, length in places) > _LARGEST:
        raise ModelImportError(f"{path}: has over 2 GB of weights, too many for one ONNX file")
    for tensor, (file, offset, length) in zip(outside, places, strict=True):
        with file.open("rb") as stream:
            stream.seek(offset)
            tensor.raw_data = stream.read(length)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    whole: bytes = model.SerializeToString()
    return whole


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield all constant tensors of a graph and of those within it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from _tensors(attribute.g)


def _place(tensor: Any, path: Path) -> tuple[Path, int, int]:
    """Return the file of a tensor's values, their offset and length in bytes."""
    facts = {entry.key: entry.value for entry in tensor.external_data}
    location = PurePosixPath(facts.get("location", ""))
    if not location.name or location.is_absolute() or ".." in location.parts:
        raise ModelImportError(
            f"{path}: keeps weights in {str(location)!r}, which is not beside it: {_REMEDY}"
        )
    file = path.parent / location
    if not file.is_file():
        raise ModelImportError(
            f"{path}: keeps its weights in {location}, which is missing: put it beside it, or "
            f"{_REMEDY}"
        )
    size = file.stat().st_size
    try:
        offset = int(facts.get("offset", 0))
        length = int(facts.get("length", size - offset))
    except ValueError as error:
        raise ModelImportError(f"{path}: damaged: {error}") from error
    if not 0 <= offset <= offset + length <= size:
        raise ModelImportError(f"{file}: is cut off, or not the weights of {path.name}")
    return file, offset, length
