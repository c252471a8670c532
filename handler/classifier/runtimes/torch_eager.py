"""PyTorch in eager mode, float32 or bfloat16, on the given GPU or else on the CPU.

In float32 it is the reference that every other runtime is measured against; in bfloat16 it is the
choice for a GPU.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from classifier.description import DESCRIPTION_FILE, read_description
from classifier.labels import LABELS_FILE, read_labels
from classifier.network import ServedNetwork, load_network
from classifier.runtimes.runtime import Outputs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from classifier.images import Pixels


logger = logging.getLogger(__name__)


class TorchRuntime:
    """A `ServedNetwork` from a weights file with `model.json` and the labels beside it."""

    def __init__(
        self, model_file: Path, *, precision: str, threads: int, gpu: int | None = None
    ) -> None:
        torch.set_num_threads(threads)
        description = read_description(model_file.with_name(DESCRIPTION_FILE))
        num_classes = len(read_labels(model_file.with_name(LABELS_FILE)))
        preprocessing = description.preprocessing
        module = load_network(model_file, description.arch, num_classes, preprocessing.crop)
        self._device = choose_device(gpu)
        network = ServedNetwork(module, preprocessing).eval()
        self._is_bf16 = precision == "bf16"
        self._network = network.to(memory_format=torch.channels_last).to(self._device)

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_bf16)
        with torch.inference_mode(), autocast:
            logits, features = self._network(torch.from_numpy(pixels).to(self._device))
        return Outputs(logits.float().cpu().numpy(), features.float().cpu().numpy())

    def sizes_to_warm_up(self, largest: int) -> Iterable[int]:
        """Return every size, as a GPU is fastest with whole batches; see `Runtime`."""
        return range(2, largest + 1)


def choose_device(gpu: int | None) -> torch.device:
    """Return the device for the GPU that TorchServe assigned to the worker; `gpu` None means CPU.

    TorchServe assigns the GPUs that the driver reports to its workers even if PyTorch is built
    without CUDA.
    """
    if gpu is None or gpu < 0:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        logger.warning("there is a GPU %d, but PyTorch cannot use it: using the CPU", gpu)
        return torch.device("cpu")
    return torch.device("cuda", gpu)
