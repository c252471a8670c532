"""The original recipe as a straightforward loop: torchvision's folder, loader and network.

The baseline of `bench.training`; it uses nothing of `train`, and nothing is tuned.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from classifier.description import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from pathlib import Path


_BATCH_SIZE = 16
_LEARNING_RATE = 1e-4
_MOST_WORKERS = 8


class OriginalLoop:
    """Trains a network in place on the photos of `root/train`."""

    def __init__(self, network: nn.Module, root: Path) -> None:
        transform = v2.Compose(
            [
                v2.RandomResizedCrop(224),
                v2.RandomHorizontalFlip(),
                v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]),  # ToTensor
                v2.Normalize(IMAGENET_MEAN, IMAGENET_STD),
            ]
        )
        self._network = network
        self._loader = DataLoader(
            ImageFolder(str(root / "train"), transform),
            batch_size=_BATCH_SIZE,
            shuffle=True,
            num_workers=min(os.cpu_count() or 1, _BATCH_SIZE, _MOST_WORKERS),
        )
        self._optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)

    def epoch(self) -> None:
        """Train on each photo once."""
        self._network.train()
        for images, labels in self._loader:
            loss = nn.functional.cross_entropy(self._network(images), labels)
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
