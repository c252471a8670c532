"""PyTorch in eager mode: float32, on CUDA where there is a GPU, else on the CPU.

The reference that every other runtime is measured against.
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

    def __init__(self, model_file: Path, *, threads: int) -> None:
        torch.set_num_threads(threads)
        description = read_description(model_file.with_name(DESCRIPTION_FILE))
        num_classes = len(read_labels(model_file.with_name(LABELS_FILE)))
        resnet = load_resnet(model_file, description.arch, num_classes)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = ServedNetwork(resnet, description.preprocessing).eval()
        self._network = network.to(memory_format=torch.channels_last).to(self._device)

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3]; see `Runtime`."""
        with torch.inference_mode():
            logits, features = self._network(torch.from_numpy(pixels).to(self._device))
        return Outputs(logits=logits.cpu().numpy(), features=features.cpu().numpy())
