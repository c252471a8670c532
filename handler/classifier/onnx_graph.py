"""A classifier that is an ONNX graph: OpenVINO reads it, and no code looks at its layers.

Whatever the graph's layout, type of numbers and last operation, what is made of it here maps
normalised RGB images, float32 [N, 3, H, W], to logits [N, C].
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import openvino
from openvino import PartialShape, Type
from openvino import opset13 as ops
from openvino.frontend import FrontEndManager
from openvino.preprocess import PrePostProcessor

from classifier.architectures import ONNX
from classifier.errors import ModelError
from classifier.onnx_batch import open_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from classifier.description import Preprocessing

_SIZE = 224  # input size in pixels, where the graph takes any
_LARGEST = 1024
_IMAGES = {"NCHW": 1, "NHWC": 3}  # layout: the axis of the channels
_CHANNELS = 3
_MOST_NUMBERS = 2**30  # in one array: a file of a hundred bytes may ask for more than any memory
_INPUT_TYPES = (Type.f32, Type.f16, Type.u8)
_FLOATS = (Type.f32, Type.f16, Type.bf16, Type.f64)
_SUMS_TO_ONE = 1e-3
_APART = 0.05  # of what there is between two pictures
_ROUNDING = 1e-3
_LEAST = 1e-30  # of a probability whose logarithm is taken


class Output(NamedTuple):
    """An output that may be the classes' scores: its number among all outputs, and C."""

    number: int
    num_classes: int


@dataclass(frozen=True)
class OnnxGraph:
    """A graph that was read, for a batch of any size.

    Attributes:
        name: What messages call it.
        model: As OpenVINO reads it.
        layout: Of its input, a key of `_IMAGES`.
        size: Side of its pictures in pixels.
        takes_bytes: Whether its input is uint8, 0..255, and what normalises it is in the graph.
        outputs: Those that may be the classes' scores; not empty.
        metadata: What its exporter wrote beside it, such as Ultralytics's `names`.
    """

    name: str
    model: openvino.Model
    layout: str
    size: int
    takes_bytes: bool
    outputs: tuple[Output, ...]
    metadata: Mapping[str, str]


def read_graph(data: bytes, name: str, size: int | None = None) -> OnnxGraph:
    """Read an ONNX file.

    Args:
        data: Its contents, the weights included.
        name: What messages call it.
        size: Side of the pictures in pixels; None for the graph's own.

    Raises:
        ModelError: It is damaged, OpenVINO does not know one of its operations, it is no
            classifier of RGB pictures, or it cannot take several, or those of this size.
    """
    try:
        frontend = FrontEndManager().load_by_framework(ONNX)
        model = frontend.convert(frontend.load(io.BytesIO(data)))
    except Exception as error:  # the reader raises errors of many types
        raise ModelError(
            f"{name}: OpenVINO cannot read it as ONNX: {_reason(error)}; is it damaged, or does "
            "it need operations that are not ONNX's own?"
        ) from error
    layout, side = _check_input(model, name, size)
    takes_bytes = model.inputs[0].element_type == Type.u8
    shape = [-1, side, side, side]
    shape[_IMAGES[layout]] = _CHANNELS
    batch = model.inputs[0].partial_shape[0]
    with _told_of(f"{name}: cannot take several pictures of {side} px at a time"):
        if batch.is_static and batch.get_length() == 1:
            open_batch(model, shape)
        else:
            model.reshape(PartialShape(shape))
    _check_arrays(model, name)
    outputs = _find_outputs(model, name)
    return OnnxGraph(name, model, layout, side, takes_bytes, outputs, _metadata(model))


def to_logits(graph: OnnxGraph, num_classes: int) -> tuple[openvino.Model, str]:
    """Make one model of a graph, and say how it ends.

    Returns:
        `images` float32 [N, 3, H, W], normalised, to `logits` float32 [N, C]; and how the graph
        ends: "scores", "softmax", or "probabilities" if an operation of another name makes them.

    Raises:
        ModelError: It has no output for so many classes, its scores are independent of each other,
            it cannot be computed, or one picture changes another's scores.
    """
    wanted = [output.number for output in graph.outputs if output.num_classes == num_classes]
    if not wanted:
        found = " or ".join(str(output.num_classes) for output in graph.outputs)
        raise ModelError(f"{graph.name}: has scores for {found} classes, not for {num_classes}")
    source = graph.model.outputs[wanted[0]].get_node().input_value(0)
    last = source.get_node().get_type_name()
    if last == "Sigmoid":
        raise ModelError(
            f"{graph.name}: ends in a sigmoid, so that several classes may apply to one picture; "
            "only one of them can be served: end it in a softmax, or in nothing"
        )
    if last == "Softmax":
        source = source.get_node().input_value(0)
    if len(source.partial_shape) > 2:  # noqa: PLR2004  [N, C, 1, 1]
        source = ops.reshape(source, [-1, num_classes], special_zero=False).output(0)
    with _told_of(f"{graph.name}: cannot compute two pictures of {graph.size} px"):
        model = openvino.Model([source], graph.model.get_parameters(), "classifier")
        model = _with_images(model, graph)
        scores, alone = _scores_of_noise(model, graph.size)
    apart = abs(scores - alone).max() if scores.shape == alone.shape else np.inf
    if not apart <= _limit(alone):
        raise ModelError(
            f"{graph.name}: answers two pictures otherwise than each of them alone (scores are up "
            f"to {apart:.2g} apart), and one must not change another's answer: export it for "
            "inference, with a dynamic batch"
        )
    # Noise decides, rather than names: exporters write a softmax in many ways.
    if scores.min() < 0 or abs(scores.sum(axis=1) - 1).max() > _SUMS_TO_ONE:
        return model, "softmax" if last == "Softmax" else "scores"
    probabilities = model.outputs[0].get_node().input_value(0)
    logits = ops.log(ops.maximum(probabilities, np.float32(_LEAST)))
    return openvino.Model([logits.output(0)], model.get_parameters()), "probabilities"


def to_served(model: openvino.Model, preprocessing: Preprocessing) -> openvino.Model:
    """Put the normalisation before a model of `to_logits`, as `ServedNetwork` does.

    Returns:
        `pixels` uint8 RGB [N, H, W, 3] to `logits` [N, C] and `features` [N, C, 1, 1], the logits:
        nothing is known of the layers before.
    """
    processor = PrePostProcessor(model.clone())
    images = processor.input()
    images.tensor().set_element_type(Type.u8).set_layout(openvino.Layout("NHWC"))
    images.model().set_layout(openvino.Layout("NCHW"))
    steps = images.preprocess().convert_element_type(Type.f32)
    steps.mean([255 * value for value in preprocessing.mean])
    steps.scale([255 * value for value in preprocessing.std])
    if preprocessing.bgr:
        steps.reverse_channels()
    served = processor.build()
    logits = served.outputs[0].get_node().input_value(0)
    features = ops.unsqueeze(logits, [2, 3])
    return openvino.Model([logits, features.output(0)], served.get_parameters())


def compile_exactly(model: openvino.Model) -> openvino.CompiledModel:
    """Compile a model for the CPU in float32, also where it has faster types."""
    return openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def _check_input(model: openvino.Model, name: str, size: int | None) -> tuple[str, int]:
    """Return the layout and the size of the input."""
    if len(model.inputs) != 1:
        names = ", ".join(sorted(port.any_name for port in model.inputs)) or "none"
        raise ModelError(f"{name}: expected one input, the pictures; found {names}")
    (images,) = model.inputs
    shape, kind = images.partial_shape, images.element_type
    found = f"{shape} of {kind.get_type_name()}"
    layout = _layout_of(shape)
    if layout is None or kind not in _INPUT_TYPES:
        raise ModelError(
            f"{name}: expected RGB pictures as input, [N, 3, H, W] or [N, H, W, 3] of f32, f16 or "
            f"u8; found {found}"
        )
    height, width = (shape[axis] for axis in range(1, len(shape)) if axis != _IMAGES[layout])
    sides = {side.get_length() for side in (height, width) if side.is_static}
    side = next(iter(sides), size or _trained_size(model) or _SIZE)
    if len(sides) > 1 or not 0 < side <= _LARGEST:
        raise ModelError(
            f"{name}: expected square pictures of at most {_LARGEST} px, found {found}"
        )
    if size not in {None, side}:
        raise ModelError(f"{name}: takes pictures of {side} px and no others, not of {size} px")
    return layout, side


def _layout_of(shape: PartialShape) -> str | None:
    if shape.rank.is_dynamic or len(shape) != 4:  # noqa: PLR2004
        return None
    for layout, axis in _IMAGES.items():
        if shape[axis].is_static and shape[axis].get_length() == _CHANNELS:
            return layout
    return None


def _check_arrays(model: openvino.Model, name: str) -> None:
    """Check that no operation makes an array that only a damaged or hostile file has."""
    for node in model.get_ordered_ops():
        for port in node.outputs():
            shape = port.partial_shape
            if shape.rank.is_dynamic:
                continue
            if math.prod(max(1, least) for least in shape.get_min_shape()) > _MOST_NUMBERS:
                raise ModelError(f"{name}: makes an array of {shape}, too large for any picture")


def _find_outputs(model: openvino.Model, name: str) -> tuple[Output, ...]:
    """Return the outputs that may be the classes' scores."""
    shapes = [port.partial_shape for port in model.outputs]
    found = ", ".join(str(shape) for shape in shapes)
    scores = [
        Output(number, classes)
        for number, (port, shape) in enumerate(zip(model.outputs, shapes, strict=True))
        if port.element_type in _FLOATS and (classes := _classes_in(shape)) is not None
    ]
    if not scores:
        raise ModelError(
            f"{name}: no classifier, whose output is [N, classes]; found {found}: detectors and "
            "networks for segmentation cannot be served"
        )
    if all(shapes[output.number][0].is_static for output in scores):
        raise ModelError(
            f"{name}: takes one picture at a time, for its batch is built in (output {found}): "
            "export it with a dynamic batch"
        )
    several = tuple(output for output in scores if output.num_classes > 1)
    if not several:
        raise ModelError(
            f"{name}: has one score for each picture, and a class needs one each: end the network "
            "in as many outputs as there are classes, two at least"
        )
    return several


def _classes_in(shape: PartialShape) -> int | None:
    """Return C of [N, C] and of [N, C, 1, 1]; None for any other shape."""
    if shape.rank.is_dynamic or len(shape) < 2:  # noqa: PLR2004
        return None
    rest = [shape[axis] for axis in range(1, len(shape))]
    if any(size.is_dynamic for size in rest):
        return None
    wide = [size.get_length() for size in rest if size.get_length() != 1]
    return wide[0] if len(wide) == 1 else None if wide else 1


def _with_images(model: openvino.Model, graph: OnnxGraph) -> openvino.Model:
    """Give a model the input [N, 3, H, W] and numbers of float32."""
    processor = PrePostProcessor(model)
    images = processor.input()
    images.tensor().set_element_type(Type.f32).set_layout(openvino.Layout("NCHW"))
    images.model().set_layout(openvino.Layout(graph.layout))
    if graph.takes_bytes:  # 254.99998 is 255, and a conversion alone would cut it
        images.preprocess().custom(lambda node: ops.round(node, "half_to_even").output(0))
    processor.output().tensor().set_element_type(Type.f32)
    return processor.build()


def _scores_of_noise(
    model: openvino.Model, size: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the outputs for two pictures of noise, [2, C]: of both at once, and of each alone."""
    noise = np.random.default_rng(0).random((2, _CHANNELS, size, size), dtype=np.float32)
    noise[1] **= 8  # dark, so that the two are not alike to any network
    compiled = compile_exactly(model)
    together: NDArray[np.float32] = compiled([noise])[0]
    return together, np.concatenate([compiled([picture[None]])[0] for picture in noise])


def _limit(scores: NDArray[np.float32]) -> float:
    """Return how far the same picture's scores may be apart: more than rounding to int8 makes."""
    return float(_APART * abs(scores[0] - scores[1]).max() + _ROUNDING * abs(scores).max())


def _trained_size(model: openvino.Model) -> int | None:
    """Return the size that Ultralytics notes as `[height, width]`, if it is a square."""
    sides = {int(side) for side in re.findall(r"\d{1,6}", _metadata(model).get("imgsz", ""))}
    return sides.pop() if len(sides) == 1 else None


def _metadata(model: openvino.Model) -> dict[str, str]:
    """Return the metadata of the file by name."""
    if not model.has_rt_info("framework"):
        return {}
    return {name: str(value) for name, value in model.get_rt_info("framework").value.items()}


@contextlib.contextmanager
def _told_of(what: str) -> Iterator[None]:
    """Turn an error of OpenVINO's into one line."""
    try:
        yield
    except RuntimeError as error:
        raise ModelError(f"{what}: {_reason(error)}; is its batch dynamic?") from error


def _reason(error: Exception) -> str:
    """Return the line of OpenVINO's message that tells most: the last that is no place or hint."""
    lines = [line.strip(" -") for line in str(error).splitlines()]
    telling = [
        line for line in lines if line and not line.startswith(("Exception from", "To faci"))
    ]
    unknown = [line for line in telling if "No conversion rule" in line]
    return (unknown or telling or [type(error).__name__])[-1]
