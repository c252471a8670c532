"""What a training says before it starts: the photos of each class, the device, the network.

After the first epoch, `train.fit.loop` adds how long the rest will take.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from classifier.labels import LABELS_FILE, read_labels
from train.data.data_set import TEST
from train.fit.weights import STARTERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from train.data.data_set import DataSet, Photo
    from train.recipe import Recipe


def opening_lines(
    data_set: DataSet, recipe: Recipe, network: nn.Module, device: torch.device
) -> Iterator[str]:
    """Yield what there is to say, a line each.

    Args:
        data_set: The photos.
        recipe: How the training is done.
        network: With its initial weights.
        device: Where it is trained.
    """
    splits = {"train": data_set.train, "val": data_set.val, TEST: data_set.test}
    for split, photos in ((name, found) for name, found in splits.items() if found):
        yield f"{split}: {len(photos)} photos ({_by_class(photos, data_set.class_names)})"
    weights = sum(weight.numel() for weight in network.parameters()) / 1e6
    yield f"{recipe.arch}, {weights:.1f} million weights, on {_name_of(device)}"
    yield f"{_origin(recipe)}; {_head(recipe, data_set.class_names)}"


def _by_class(photos: Sequence[Photo], class_names: Sequence[str]) -> str:
    counts = Counter(photo.label for photo in photos)
    return ", ".join(f"{name} {counts[label]}" for label, name in enumerate(class_names))


def _name_of(device: torch.device) -> str:
    if device.type != "cuda":
        return f"the CPU, {torch.get_num_threads()} threads: no GPU was found"
    return torch.cuda.get_device_name(device)


def _origin(recipe: Recipe) -> str:
    known = {"imagenet": "weights of ImageNet", "scratch": "random weights"}
    known["starter"] = "weights of the starter model"
    return known.get(recipe.init, f"weights of {recipe.init}")


def _head(recipe: Recipe, class_names: Sequence[str]) -> str:
    """Say where the last layer comes from, as `initial_network` decides it."""
    if recipe.init in {"imagenet", "scratch"}:
        return f"a new last layer for {len(class_names)} classes"
    folder = STARTERS[recipe.arch] if recipe.init == "starter" else Path(recipe.init)
    if set(read_labels(folder / LABELS_FILE)) == set(class_names):
        return "its last layer too, for it has the same classes"
    return f"a new last layer for {len(class_names)} classes, for its own are others"
