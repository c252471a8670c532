"""The network: torchvision's ResNet, and the form of it that is served.

State dicts keep torchvision's keys, so that weights move freely between this project,
torchvision and the original ModelArts package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor, nn

from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from torchvision.models import ResNet

    from classifier.description import Preprocessing

ARCHITECTURES = ("resnet18", "resnet34", "resnet50")


class ServedNetwork(nn.Module):
    """A ResNet from raw pixels to logits, with its last feature map beside them.

    Normalisation and the change of layout belong to the compiled model: the caller passes
    bytes as they were decoded.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, resnet: ResNet, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.resnet = resnet
        # On 0..255 rather than 0..1: it saves the division by 255.
        self.register_buffer("mean", 255 * torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(preprocessing.std).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Classify `pixels`, uint8 RGB [N, H, W, 3], as logits [N, C] and features [N, F, h, w]."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)  # [N, 3, H, W]
        x = (x - self.mean) / self.std
        features = self.resnet_features(x)  # [N, F, H/32, W/32]
        logits = self.resnet.fc(features.mean(dim=(2, 3)))  # [N, C]
        return logits, features

    def resnet_features(self, x: Tensor) -> Tensor:
        """Run all layers before the global average pooling."""
        r = self.resnet
        x = r.maxpool(r.relu(r.bn1(r.conv1(x))))  # [N, 64, H/4, W/4]
        features: Tensor = r.layer4(r.layer3(r.layer2(r.layer1(x))))  # [N, F, H/32, W/32]
        return features


def build_resnet(arch: str, num_classes: int) -> ResNet:
    """Build a torchvision ResNet with fresh weights.

    Raises:
        ModelError: `arch` is none of `ARCHITECTURES`.
    """
    if arch not in ARCHITECTURES:
        raise ModelError(f"unknown architecture {arch!r}; choose one of {', '.join(ARCHITECTURES)}")
    return torchvision.models.get_model(arch, weights=None, num_classes=num_classes)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read weights from `.safetensors` or a plain `.pth` state dict, as float32 on the CPU.

    Raises:
        ModelError: The file is missing or damaged, or holds anything but tensors.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both readers raise errors of many unrelated types
        raise ModelError(f"{path}: cannot read the weights: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(f"{path}: expected a plain state dict of tensors")
    return {key: v.float() if v.is_floating_point() else v for key, v in state.items()}


def load_resnet(path: Path, arch: str, num_classes: int) -> ResNet:
    """Build a ResNet and load its weights strictly, ready for inference.

    Raises:
        ModelError: The file cannot be read, or does not fit `arch` and `num_classes`.
    """
    network = build_resnet(arch, num_classes)
    try:
        network.load_state_dict(read_state_dict(path), strict=True)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: not the weights of a {arch} with {num_classes} classes: {error}"
        ) from error
    return network.eval()
