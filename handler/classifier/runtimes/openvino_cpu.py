"""OpenVINO on the CPU, from the IR files (`model.xml`, `model.bin`) that `archive` wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino

from classifier.errors import ModelError
from classifier.runtimes.runtime import Outputs

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.images import Pixels

# In an int8 model only the quantised layers run in int8; the others run in this type.
_INFERENCE_TYPE = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


# OpenVINO keeps kernels and buffers for each batch size that it has seen. All sizes up to 16 held
# 70 to 110 MB more than those up to 4, and computed no more images a second: two or three images
# keep the cores busy.
_MOST_AT_ONCE = 4


class OpenVinoRuntime:
    """A compiled OpenVINO model with one inference request; not for concurrent calls."""

    most_at_once = _MOST_AT_ONCE

    def __init__(self, model_file: Path, *, precision: str, threads: int) -> None:
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": _INFERENCE_TYPE[precision],
            "ENABLE_CPU_PINNING": False,  # workers share the cores with the server
        }
        try:
            compiled = openvino.Core().compile_model(model_file, "CPU", config)
        except RuntimeError as error:
            raise ModelError(f"{model_file}: OpenVINO cannot load it: {error}") from error
        self._request = compiled.create_infer_request()

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        parts = [
            self._infer_part(pixels[start : start + _MOST_AT_ONCE])
            for start in range(0, len(pixels), _MOST_AT_ONCE)
        ]
        if len(parts) == 1:
            return parts[0]
        return Outputs(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _infer_part(self, pixels: Pixels) -> Outputs:
        outputs = self._request.infer([pixels], share_inputs=True)
        return Outputs(logits=outputs["logits"], features=outputs["features"])
