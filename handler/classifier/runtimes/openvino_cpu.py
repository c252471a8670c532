"""OpenVINO on the CPU, from the IR files (`model.xml`, `model.bin`) that `archive` wrote."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import openvino

from classifier.errors import ModelError
from classifier.runtimes.runtime import Outputs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from classifier.images import Pixels

# In an int8 model only the quantised layers run in int8; the others run in this type.
_INFERENCE_TYPE = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}


# Both bound memory: each stream keeps kernels and buffers for each batch size that it has seen. All
# sizes up to 16 held 70 to 110 MB more than those up to 4, and computed no more images a second.
_LARGEST_PART = 4
_MOST_STREAMS = 4


class OpenVinoRuntime:
    """A model compiled for one image, and again for batches; not for concurrent calls.

    All threads compute a single image together, which is the quickest. A batch is computed in
    parts, each in a stream with threads of its own: they need not wait for one another after every
    layer, which takes 2 to 12 % less CPU time an image on two cores.
    """

    def __init__(self, model_file: Path, *, precision: str, threads: int) -> None:
        self._streams = min(threads, _MOST_STREAMS)
        config = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": _INFERENCE_TYPE[precision],
            "ENABLE_CPU_PINNING": False,  # workers share the cores with the server
        }
        core = openvino.Core()
        try:
            model = core.read_model(model_file)
            alone = batches = core.compile_model(model, "CPU", {**config, "NUM_STREAMS": 1})
            if self._streams > 1:
                batches = core.compile_model(model, "CPU", {**config, "NUM_STREAMS": self._streams})
        except RuntimeError as error:
            raise ModelError(f"{model_file}: OpenVINO cannot load it: {error}") from error
        self._alone = alone.create_infer_request()
        self._parts = openvino.AsyncInferQueue(batches, self._streams)
        self._parts.set_callback(_keep)

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        if len(pixels) == 1:
            outputs = self._alone.infer([pixels], share_inputs=True)
            return Outputs(logits=outputs["logits"], features=outputs["features"])
        # As many for each stream, of even size.
        turns = math.ceil(len(pixels) / (self._streams * _LARGEST_PART))
        parts = np.array_split(pixels, min(len(pixels), self._streams * turns))
        answers: dict[int, Outputs] = {}
        for index, part in enumerate(parts):
            self._parts.start_async([part], (answers, index), share_inputs=True)
        self._parts.wait_all()
        in_order = (answers[index] for index in range(len(parts)))
        return Outputs(*(np.concatenate(arrays) for arrays in zip(*in_order, strict=True)))

    def sizes_to_warm_up(self, largest: int) -> Iterable[int]:
        """Return those that bring each size of a part to each stream; see `Runtime`."""
        sizes = (self._streams * part for part in range(1, _LARGEST_PART + 1))
        return [size for size in sizes if 1 < size < largest + self._streams]


def _keep(request: openvino.InferRequest, place: tuple[dict[int, Outputs], int]) -> None:
    """Copy a part's outputs, which the next part overwrites, into its place among the answers."""
    answers, index = place
    answers[index] = Outputs(*(request.get_tensor(name).data.copy() for name in Outputs._fields))
