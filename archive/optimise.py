"""Turns a network into the files that a runtime loads: conversion, precision, quantisation.

What a worker would otherwise do at every start is done here once.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from typing import TYPE_CHECKING

import numpy as np
import openvino

from archive.errors import BuildError
from classifier.architectures import file_name
from classifier.runtimes import form_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from archive.source import Source
    from classifier.images import Pixels

# What OpenVINO saves a model in: the graph, which is the one to load, and its weights.
OPENVINO_FILES = ("model.xml", "model.bin")


def convert(source: Source) -> openvino.Model:
    """Convert the network to OpenVINO: `pixels` uint8 [N, H, W, 3] to `logits` and `features`.

    Raises:
        BuildError: It computes what cannot be exported, or what OpenVINO does not know.
    """
    import torch  # noqa: PLC0415  ready forms are archived without it

    crop = source.description.preprocessing.crop
    example = torch.zeros((2, crop, crop, 3), dtype=torch.uint8)
    dynamic = {"pixels": {0: torch.export.Dim("batch", min=1)}}
    try:
        program = torch.export.export(source.network, (example,), dynamic_shapes=dynamic)
        with _log_settings_kept():
            model = openvino.convert_model(program)
    except Exception as error:  # both raise errors of many unrelated types
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise BuildError(
            f"{source.description.arch} cannot be converted to OpenVINO ({reason.strip(' -')}): "
            "serve it with RUNTIME=torch-fp32"
        ) from error
    model.input(0).set_names({"pixels"})
    model.output(0).set_names({"logits"})
    model.output(1).set_names({"features"})
    return model


@contextlib.contextmanager
def _log_settings_kept() -> Iterator[None]:
    """Keep the root logger as it is: a conversion that fails leaves it at errors only."""
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
    import nncf  # noqa: PLC0415  it takes seconds to import, and only int8 needs it

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
    """Whether a network attends, as transformers do: NNCF quantises those in their own way.

    Only attention multiplies two matrices that both follow from the picture.
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
    """Whether a node gives weights, perhaps in another type or order than they are stored in."""
    while node.get_type_name() in ("Convert", "Reshape", "Transpose"):
        node = node.input_value(0).get_node()
    return bool(node.get_type_name() == "Constant")


def write_openvino(model: openvino.Model, folder: Path, precision: str) -> str:
    """Write `model.xml` and `model.bin`; return the name of the file to load."""
    # OpenVINO numbers its nodes through the process; the same inputs shall give the same bytes.
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


def write_runtime(
    runtime: str, source: Source, folder: Path, calibration: Iterable[Pixels] | None = None
) -> str:
    """Write the files of `runtime` to `folder`; return the name of the file to load.

    Raises:
        BuildError: int8 was asked for without photos to calibrate with.
    """
    form = form_of(runtime)
    if form.engine == "torch":
        return write_torch(source, folder)
    model = convert(source)
    if form.needs_photos:
        if calibration is None:
            raise BuildError(
                "int8 needs photos to calibrate with; name a data set (DATA_URL=...) or choose "
                "another precision (RUNTIME=openvino-bf16)"
            )
        model = quantise(model, calibration)
    return write_openvino(model, folder, form.precision)
