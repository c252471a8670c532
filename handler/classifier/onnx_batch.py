"""Opens the batch of an ONNX graph that was exported for one picture.

Exporters write the batch of their example into the graph: as the first size of a reshape, and where
a constant, such as a transformer's class token, is joined to what one picture gives. What is made
here is a candidate: whether it computes each picture by itself is for the caller to try.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from openvino import PartialShape, Tensor, Type
from openvino import opset13 as ops

if TYPE_CHECKING:
    import openvino

# Stands for the batch while shapes are inferred: a prime, so what it divides grows with the batch.
_MANY = 10007
_WHOLE_NUMBERS = (Type.i64, Type.i32, Type.boolean)


def open_batch(model: openvino.Model, images: list[int]) -> None:
    """Let a graph for one picture take any number of them, as far as its operations allow.

    Args:
        model: A graph of one input; changed in place.
        images: The input's shape; its first size is not used.

    Raises:
        RuntimeError: Its operations no longer fit together.
    """
    (parameter,) = model.get_parameters()
    parameter.set_partial_shape(PartialShape([_MANY, *images[1:]]))
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Reshape":
            _open_first_size(node)
        elif node.get_type_name() == "Concat":
            _repeat_constants(node, parameter)
        node.validate_and_infer_types()
        _fold(node)
    model.reshape(PartialShape([-1, *images[1:]]))


def _open_first_size(node: openvino.Node) -> None:
    """Leave the first size of a reshape open if the batch is in its input's first one."""
    shape, sizes = node.get_input_partial_shape(0), node.input_value(1).get_node()
    if sizes.get_type_name() != "Constant" or shape.is_dynamic or not len(shape):
        return
    wanted = [int(size) for size in sizes.get_data().ravel()]
    if shape.to_shape()[0] % _MANY or not wanted or wanted[0] < 1:
        return
    if -1 not in wanted:
        wanted[0] = -1
    elif wanted[0] == 1:
        wanted[0] = 0  # as it is in the input: only one size can be -1
    else:
        return
    opened = ops.reshape(node.input_value(0), np.array(wanted, np.int64), special_zero=True)
    node.output(0).replace(opened.output(0))
    node.set_argument(1, opened.input_value(1))


def _repeat_constants(node: openvino.Node, parameter: openvino.Node) -> None:
    """Repeat what is the same for all pictures where it is joined to what is not."""
    shapes = [node.get_input_partial_shape(number) for number in range(node.get_input_size())]
    if any(shape.is_dynamic or not len(shape) for shape in shapes):
        return
    rank = len(shapes[0])
    sizes = [shape.to_shape()[0] for shape in shapes]
    if node.get_attributes()["axis"] in {0, -rank} or _MANY not in sizes:
        return
    images = ops.gather(ops.shape_of(parameter), np.array([0]), np.int64(0))
    target = ops.concat([images, ops.constant(np.ones(rank - 1, np.int64))], 0)
    for number, size in enumerate(sizes):
        if size == 1:
            repeated = ops.broadcast(node.input_value(number), target, None, "BIDIRECTIONAL")
            node.set_argument(number, repeated.output(0))


def _fold(node: openvino.Node) -> None:
    """Replace an operation on sizes that are built in by its result: weights are not touched."""
    inputs = [port.get_node() for port in node.input_values()]
    if not inputs or any(each.get_type_name() != "Constant" for each in inputs):
        return
    ports = node.outputs()
    if any(p.partial_shape.is_dynamic or p.element_type not in _WHOLE_NUMBERS for p in ports):
        return
    results = [Tensor(port.element_type, port.shape) for port in ports]
    if node.evaluate(results, [Tensor(each.get_data()) for each in inputs]):
        for port, result in zip(ports, results, strict=True):
            port.replace(ops.constant(result.data).output(0))
