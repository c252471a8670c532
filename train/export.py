"""A trained model as ONNX, for programs that are not this project's.

``python -m train.export --model artifacts --output model.onnx`` writes the network as it is served:
pixels in, probabilities out, normalisation inside. What the file cannot compute (decoding, resize,
crop) stands in its metadata. It is read back with OpenVINO, and must give the model's own answers.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import openvino
import torch
from torch import Tensor, nn

from classifier.network import ServedNetwork
from classifier.reference import REFERENCE_NAMES
from storage.files import atomic_file
from train.cli import run_command
from train.errors import TrainError
from train.model_folder import picture_pixels, read_model, reference_answers

if TYPE_CHECKING:
    from train.fit.weights import TrainedModel

INPUT, OUTPUT = "pixels", "probabilities"
_OPSET = 18
_TOLERANCE = 1e-3  # in probability: float32 sums, in another order
logger = logging.getLogger(__name__)


class _Exported(nn.Module):
    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.served = ServedNetwork(model.network, model.description.preprocessing)

    def forward(self, pixels: Tensor) -> Tensor:
        """Classify `pixels`, uint8 RGB [N, H, W, 3], as probabilities [N, C]."""
        logits, _ = self.served(pixels)
        probabilities: Tensor = logits.softmax(dim=1)
        return probabilities


def export(folder: Path, output: Path) -> None:
    """Write the model in `folder` as ONNX, checked against the model's own answers.

    Raises:
        TrainError: The file gives other answers.
        classifier.errors.ModelError: Files of the model are missing or damaged.
    """
    model = read_model(folder)
    preprocessing = model.description.preprocessing
    expected = reference_answers(model.network, preprocessing)
    side = preprocessing.crop
    pixels = torch.zeros((2, side, side, 3), dtype=torch.uint8)
    with atomic_file(output) as temporary, warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            _Exported(model).eval(),
            (pixels,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
        if program is None:
            raise TrainError("PyTorch wrote no ONNX program")
        content = program.model_proto
        onnx.helper.set_model_props(content, _metadata(model))
        onnx.save(content, temporary)
        distance = _distance(temporary, model, np.stack([expected[n] for n in REFERENCE_NAMES]))
        if distance > _TOLERANCE:
            raise TrainError(
                f"the ONNX file is not the model: its probabilities are up to {distance:.4f} from "
                f"the model's, and {_TOLERANCE} is the limit"
            )
    logger.info(
        "wrote %s: %s [N, %d, %d, 3] uint8 RGB to %s [N, %d]; its answers to %d pictures are the "
        "model's within %.1e",
        *(output, INPUT, side, side, OUTPUT, len(model.class_names)),
        *(len(REFERENCE_NAMES), distance),
    )


def _metadata(model: TrainedModel) -> dict[str, str]:
    """Return what the file says of the model; values are JSON or plain text."""
    description = model.description
    return {
        "labels": json.dumps(list(model.class_names), ensure_ascii=False),
        "preprocessing": json.dumps(asdict(description.preprocessing)),
        "arch": description.arch,
        "weights_sha256": description.weights_sha256,
    }


def _distance(path: Path, model: TrainedModel, expected: np.ndarray) -> float:
    """Read a file back; return how far its answers are from the model's, one by one and as one."""
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pictures = np.stack(
        [picture_pixels(name, model.description.preprocessing) for name in REFERENCE_NAMES]
    )
    alone = np.concatenate([compiled([picture[None]])[OUTPUT] for picture in pictures])
    together = compiled([pictures])[OUTPUT]
    return float(max(abs(alone - expected).max(), abs(together - expected).max()))


def main(arguments: list[str] | None = None) -> int:
    """Export a model; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m train.export", description="Write a model as ONNX.", allow_abbrev=False
    )
    parser.add_argument("--model", type=Path, required=True, metavar="FOLDER", help="the model's")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="model.onnx")
    options = parser.parse_args(arguments)
    return run_command(lambda: export(options.model, options.output))


if __name__ == "__main__":
    sys.exit(main())
