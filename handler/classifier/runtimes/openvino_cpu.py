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
    """A model compiled twice; not for concurrent calls.

    One form computes an image with all threads together, which is the quickest for one alone. The
    other computes a batch in parts, each in a stream with threads of its own: they need not wait
    for one another after every layer, which takes 4 to 12 % less CPU time an image on two cores.
    """

    def __init__(self, model_file: Path, *, precision: str, threads: int) -> None:
        self._streams = min(threads, _MOST_STREAMS)
        core = openvino.Core()

        def compiled(streams: int) -> openvino.CompiledModel:
            config = {
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": _INFERENCE_TYPE[precision],
                "ENABLE_CPU_PINNING": False,  # workers share the cores with the server
            }
            return core.compile_model(model_file, "CPU", config)

        try:
            together = compiled(1)
            apart = compiled(self._streams) if self._streams > 1 else together
        except RuntimeError as error:
            raise ModelError(f"{model_file}: OpenVINO cannot load it: {error}") from error
        self._together = together.create_infer_request()
        self._apart = openvino.AsyncInferQueue(apart, self._streams)
        self._apart.set_callback(_keep)

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        if len(pixels) == 1 or len(pixels) < self._streams:
            outputs = self._together.infer([pixels], share_inputs=True)
            return Outputs(logits=outputs["logits"], features=outputs["features"])
        # As many parts for each stream, of even size.
        turns = math.ceil(len(pixels) / (self._streams * _LARGEST_PART))
        parts = np.array_split(pixels, min(len(pixels), self._streams * turns))
        answers: dict[int, Outputs] = {}
        for index, part in enumerate(parts):
            self._apart.start_async([part], (answers, index), share_inputs=True)
        self._apart.wait_all()
        in_order = (answers[index] for index in range(len(parts)))
        return Outputs(*(np.concatenate(arrays) for arrays in zip(*in_order, strict=True)))

    def sizes_to_warm_up(self, largest: int) -> Iterable[int]:
        """Return those that bring each size of a part to each stream; see `Runtime`."""
        streams = self._streams
        sizes = [*range(1, streams), *range(streams, streams * _LARGEST_PART + 1, streams)]
        most = largest + streams - 1 if largest >= streams else largest  # the parts may be uneven
        return [size for size in sizes if size <= most]


def _keep(request: openvino.InferRequest, place: tuple[dict[int, Outputs], int]) -> None:
    """Copy a part's outputs, which the next part overwrites, into its place among the answers."""
    answers, index = place
    answers[index] = Outputs(*(request.get_tensor(name).data.copy() for name in Outputs._fields))
