"""ONNX files of small networks, written field by field: the format is protobuf, and no more.

The numbers are those of onnx.proto.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

FLOAT, UINT8, INT64 = 1, 2, 7  # TensorProto.DataType
_TYPES = {"float32": FLOAT, "int64": INT64}
Shape = tuple["int | str", ...]  # a name for a size that is open


def field(number: int, value: float | bytes | str) -> bytes:
    """Encode one field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """Encode an integer, seven bits a byte."""
    out = bytearray()
    value &= 2**64 - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def tensor(
    name: str, values: NDArray[np.generic], outside: Mapping[str, str] | None = None
) -> bytes:
    """Encode constant values; those that are `outside` are in another file."""
    head = b"".join(field(1, size) for size in values.shape)
    head += field(2, _TYPES[str(values.dtype)]) + field(8, name)
    if outside is None:
        return head + field(9, values.tobytes())
    entries = [field(13, field(1, key) + field(2, text)) for key, text in outside.items()]
    return head + b"".join(entries) + field(14, 1)


def node(
    kind: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: object
) -> bytes:
    """Encode an operation; attributes are integers and lists of them."""
    made = b"".join(field(1, name) for name in inputs) + field(2, output)
    made += field(3, output) + field(4, kind)
    for name, value in attributes.items():
        if isinstance(value, int):
            told = field(3, value) + field(20, 2)
        else:
            assert isinstance(value, list | tuple)
            told = b"".join(field(8, int(each)) for each in value) + field(20, 7)
        made += field(5, field(1, name) + told)
    return made + (field(7, domain) if domain else b"")


class Port(NamedTuple):
    """An input or output of the graph."""

    name: str
    shape: Shape
    kind: int = FLOAT

    def encode(self) -> bytes:
        """Encode as a ValueInfoProto."""
        sizes = [field(1, size) if isinstance(size, int) else field(2, size) for size in self.shape]
        shape = b"".join(field(1, size) for size in sizes)
        return field(1, self.name) + field(2, field(1, field(1, self.kind) + field(2, shape)))


def model(  # noqa: PLR0913, PLR0917
    nodes: Iterable[bytes],
    weights: Iterable[bytes],
    images: Port,
    outputs: Sequence[Port],
    metadata: Mapping[str, str] | None = None,
    opset: int = 13,
) -> bytes:
    """Encode a file."""
    graph = b"".join(field(1, each) for each in nodes) + field(2, "graph")
    graph += b"".join(field(5, each) for each in weights)
    graph += field(11, images.encode()) + b"".join(field(12, port.encode()) for port in outputs)
    entries = [field(1, key) + field(2, value) for key, value in (metadata or {}).items()]
    return (
        field(1, 8)
        + field(7, graph)
        + field(8, field(1, "") + field(2, opset))
        + b"".join(field(14, entry) for entry in entries)
    )


def resnet18(  # noqa: PLR0913
    network: nn.Module,
    size: int | str = "side",
    *,
    batch: int | str = "batch",
    nhwc: bool = False,
    end: str = "",
    kind: int = FLOAT,
    metadata: Mapping[str, str] | None = None,
    also: bool = False,
    outside: Mapping[str, tuple[str, bytearray]] | None = None,
) -> bytes:
    """Export torchvision's ResNet18 as its exporters do.

    Args:
        network: The network.
        size: Of the pictures; a name if any.
        batch: Number of pictures; a name if any.
        nhwc: As tf2onnx writes it: [N, H, W, 3], transposed at once.
        end: A last operation, such as "Softmax".
        kind: Type of the input; bytes are normalised in the graph, by ImageNet's means.
        metadata: Of the file.
        also: Whether the features before the head are an output too, and the first.
        outside: A file name, and where to put its contents, for the head's weights.
    """
    writer = _Writer(network, outside or {})
    shape: Shape = (batch, size, size, 3) if nhwc else (batch, 3, size, size)
    x = "images"
    if nhwc:
        x = writer.add("Transpose", [x], perm=[0, 3, 1, 2])
    if kind == UINT8:
        x = writer.add("Cast", [x], to=FLOAT)
        mean = 255 * np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
        std = 255 * np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
        x = writer.add("Div", [writer.add("Sub", [x, writer.keep(mean)]), writer.keep(std)])
    features = writer.body(x)
    scores = writer.add(
        "Gemm", [features, writer.weight("fc.weight"), writer.weight("fc.bias")], transB=1
    )
    classes = len(network.state_dict()["fc.bias"])
    if end:
        scores = writer.add(end, [scores])
    outputs = [Port(features, (batch, 512))] if also else []
    outputs.append(Port(scores, (batch, classes)))
    return model(writer.nodes, writer.weights, Port("images", shape, kind), outputs, metadata)


class _Writer:
    """Collects operations and weights, and numbers them."""

    def __init__(self, network: nn.Module, outside: Mapping[str, tuple[str, bytearray]]) -> None:
        self.state = network.state_dict()
        self.nodes: list[bytes] = []
        self.weights: list[bytes] = []
        self._outside = outside

    def add(self, kind: str, inputs: Sequence[str], **attributes: object) -> str:
        """Add an operation; return the name of its output."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(node(kind, inputs, name, "", **attributes))
        return name

    def keep(self, values: NDArray[np.float32], name: str = "") -> str:
        """Add constant values; return their name."""
        name = name or f"constant_{len(self.weights)}"
        if name in self._outside:
            file, content = self._outside[name]
            place = {"location": file, "offset": str(len(content)), "length": str(values.nbytes)}
            self.weights.append(tensor(name, values, place))
            content += values.tobytes()
        else:
            self.weights.append(tensor(name, values))
        return name

    def weight(self, name: str) -> str:
        """Add one of the network's own tensors."""
        return self.keep(self.state[name].numpy(), name)

    def body(self, x: str) -> str:
        """Add all before the head."""
        x = self._normed("conv1", "bn1", x, 2, 3)
        x = self.add(
            "MaxPool", [self.add("Relu", [x])], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4
        )
        for layer in range(1, 5):
            for block in range(2):
                path = f"layer{layer}.{block}."
                stride = 2 if layer > 1 and block == 0 else 1
                inner = self.add("Relu", [self._normed(f"{path}conv1", f"{path}bn1", x, stride, 1)])
                inner = self._normed(f"{path}conv2", f"{path}bn2", inner, 1, 1)
                if stride == 2:
                    x = self._normed(f"{path}downsample.0", f"{path}downsample.1", x, 2, 0)
                x = self.add("Relu", [self.add("Add", [inner, x])])
        return self.add("Flatten", [self.add("GlobalAveragePool", [x])])

    def _normed(self, conv: str, norm: str, x: str, stride: int, pad: int) -> str:
        x = self.add(
            "Conv", [x, self.weight(f"{conv}.weight")], strides=[stride] * 2, pads=[pad] * 4
        )
        parts = ("weight", "bias", "running_mean", "running_var")
        return self.add(
            "BatchNormalization", [x, *(self.weight(f"{norm}.{part}") for part in parts)]
        )
