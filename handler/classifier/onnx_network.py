"""An ONNX graph in the place of a library's network: for imports, evaluations and archives.

`classifier.parts` finds nothing in it but its logits. It is computed by OpenVINO on the CPU, and
cannot be trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from classifier.onnx_graph import compile_exactly, to_logits
from classifier.parts import remember_size

if TYPE_CHECKING:
    from classifier.onnx_graph import OnnxGraph


class OnnxNetwork(nn.Module):
    """Maps normalised RGB images, [N, 3, H, W], to logits [N, C].

    Args:
        graph: From `read_graph`.
        num_classes: C; chooses among several outputs.

    Attributes:
        model: The graph as `to_logits` makes it.
        end: How it ends, as `to_logits` says.
        takes_bytes: Whether the graph normalises its input itself.
    """

    def __init__(self, graph: OnnxGraph, num_classes: int) -> None:
        super().__init__()
        remember_size(self, graph.size)
        self.takes_bytes = graph.takes_bytes
        self.model, self.end = to_logits(graph, num_classes)
        self._compiled = compile_exactly(self.model)
        # Callers ask a network's parameters for its device.
        self.nothing = nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        """Classify; the logits come back to the images' device."""
        logits = self._compiled([images.float().cpu().numpy()])[0]
        return torch.from_numpy(logits.copy()).to(images.device)
