"""Turns a network into the files that a runtime loads: conversion, precision, quantisation.

This is done once here, instead of at every start of a worker.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import shutil
from typing import TYPE_CHECKING

import numpy as np
import openvino

from archive.errors import BuildError
from classifier.architectures import ONNX, file_name
from classifier.runtimes import form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archive.source import Source
    from classifier.images import Pixels

# OpenVINO's files of a model: the graph, which is the one to load, and the weights.
OPENVINO_FILES = ("model.xml", "model.bin")


def cpu_precisions() -> set[str]:
    """Return the precisions that this CPU computes with OpenVINO, such as "FP32" and "INT8"."""
    return set(openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


def convert(source: Source) -> openvino.Model:
    """Convert the network to OpenVINO: `pixels` uint8 [N, H, W, 3] to `logits` and `features`.

    Raises:
        BuildError: It cannot be exported, or OpenVINO does not support one of its operations.
    """
    import torch  # noqa: PLC0415  not needed for ready-made forms

    if source.description.arch == ONNX:
        return _convert_onnx(source)
    crop = source.description.preprocessing.crop
    example = torch.zeros((2, crop, crop, 3), dtype=torch.uint8)
    dynamic = {"pixels": {0: torch.export.Dim("batch", min=1)}}
    try:
        program = torch.export.export(source.network, (example,), dynamic_shapes=dynamic)
        with _log_settings_kept():
            model = openvino.convert_model(program)
    except Exception as error:  # both raise many unrelated types
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise BuildError(
            f"{source.description.arch} cannot be converted to OpenVINO ({reason.strip(' -')}): "
            "serve it with RUNTIME=torch-fp32"
        ) from error
    return _named(model)


def _convert_onnx(source: Source) -> openvino.Model:
    from classifier.onnx_graph import to_served  # noqa: PLC0415  only such models need it
    from classifier.onnx_network import OnnxNetwork  # noqa: PLC0415  imports PyTorch

    network = source.network.module
    if not isinstance(network, OnnxNetwork):
        raise TypeError(type(network))
    return _named(to_served(network.model, source.description.preprocessing))


def _named(model: openvino.Model) -> openvino.Model:
    model.input(0).set_names({"pixels"})
    model.output(0).set_names({"logits"})
    model.output(1).set_names({"features"})
    return model


@contextlib.contextmanager
def _log_settings_kept() -> Iterator[None]:
    """Restore the root logger: a failed conversion leaves its level at errors only."""
    root = logging.getLogger()
    level, filters, handlers = root.level, [*root.filters], [*root.handlers]
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters[:], root.handlers[:] = filters, handlers


def quantise(model: openvino.Model, calibration: Iterable[Pixels]) -> openvino.Model:
    """Quantise to int8 after training.

    Args:
        model: From `convert`.
        calibration: Photos as the network sees them, uint8 [H, W, 3]; a few hundred.
    """
    import nncf  # noqa: PLC0415  takes seconds to import, and only int8 needs it

    pixels = [photo[np.newaxis] for photo in calibration]
    # Per-channel weights and symmetric activations are what VNNI and AMX compute directly.
    return nncf.quantize(
        model,
        nncf.Dataset(pixels),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(pixels),
        model_type=nncf.ModelType.TRANSFORMER if has_attention(model) else None,
        # Twice as slow, and worth it: of the starter's answers, 99.7 % are float32's, not 98.8 %.
        fast_bias_correction=False,
    )


def has_attention(model: openvino.Model) -> bool:
    """Whether a network uses attention, as transformers do: NNCF quantises those differently.

    Only attention multiplies two matrices that both depend on the input.
    """
    return any(
        node.get_type_name() == "ScaledDotProductAttention"
        or (
            node.get_type_name() == "MatMul"
            and not any(_is_constant(node.input_value(side).get_node()) for side in (0, 1))
        )
        for node in model.get_ordered_ops()
    )


def _is_constant(node: openvino.Node) -> bool:
    """Whether a node outputs weights, possibly converted or transposed."""
    while node.get_type_name() in ("Convert", "Reshape", "Transpose"):
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")


def write_openvino(model: openvino.Model, folder: Path, precision: str) -> str:
    """Write `model.xml` and `model.bin`; return the name of the file to load."""
    # OpenVINO numbers its nodes per process; the same inputs must give the same bytes.
    model.set_friendly_name("classifier")
    for index, node in enumerate(model.get_ordered_ops()):
        node.set_friendly_name(f"{node.get_type_name()}_{index}")
    # bf16 keeps 8 bits of mantissa, fp16 has 11: storing fp16 loses nothing and halves the file.
    openvino.save_model(model, folder / OPENVINO_FILES[0], compress_to_fp16=precision != "fp32")
    return OPENVINO_FILES[0]


def write_torch(source: Source, folder: Path) -> str:
    """Write the weights as `.safetensors`; return the name of the file to load."""
    from safetensors.torch import save_file  # noqa: PLC0415  imports PyTorch

    name = file_name(source.description.arch, ".safetensors")
    if source.weights.suffix == ".safetensors":
        shutil.copyfile(source.weights, folder / name)
    else:
        state = {
            key: value.contiguous() for key, value in source.network.module.state_dict().items()
        }
        save_file(state, folder / name)
    return name


# The precisions of a model that are tried share its conversion.
@functools.lru_cache(maxsize=1)
def _converted(source: Source) -> openvino.Model:
    return convert(source)


def write_runtime(
    runtime: str, source: Source, folder: Path, calibration: Iterable[Pixels] | None = None
) -> str:
    """Write the files of `runtime` to `folder`; return the name of the file to load.

    Raises:
        BuildError: int8 was requested without photos to calibrate with.
    """
    form = form_of(runtime)
    if form.engine == "torch":
        return write_torch(source, folder)
    model = _converted(source).clone()
    if form.needs_photos:
        if calibration is None:
            raise BuildError(
                "int8 needs photos to calibrate with; name a data set (DATA_URL=...) or choose "
                "another precision (RUNTIME=openvino-bf16)"
            )
        model = quantise(model, calibration)
    return write_openvino(model, folder, form.precision)
