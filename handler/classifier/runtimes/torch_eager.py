"""PyTorch in eager mode, float32 or bfloat16: on CUDA where there is a GPU, else on the CPU.

In float32 the reference that every other runtime is measured against; in bfloat16 the choice for
a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from classifier.description import DESCRIPTION_FILE, read_description
from classifier.labels import LABELS_FILE, read_labels
from classifier.network import ServedNetwork, load_resnet
from classifier.runtimes import Outputs

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.images import Pixels


class TorchRuntime:
    """A `ServedNetwork` from a file of weights with `model.json` and the labels beside it."""

    def __init__(self, model_file: Path, *, precision: str, threads: int) -> None:
        torch.set_num_threads(threads)
        description = read_description(model_file.with_name(DESCRIPTION_FILE))
        num_classes = len(read_labels(model_file.with_name(LABELS_FILE)))
        resnet = load_resnet(model_file, description.arch, num_classes)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = ServedNetwork(resnet, description.preprocessing).eval()
        self._is_bf16 = precision == "bf16"
        self._network = network.to(memory_format=torch.channels_last).to(self._device)

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_bf16)
        with torch.inference_mode(), autocast:
            logits, features = self._network(torch.from_numpy(pixels).to(self._device))
        return Outputs(logits.float().cpu().numpy(), features.float().cpu().numpy())
