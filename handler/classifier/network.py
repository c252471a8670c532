"""The network as it is served, and loading its weights.

State dicts keep the keys of the network's library, so weights move freely between this project,
torchvision or timm, and the original ModelArts package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from classifier.anatomy import SIZE
from classifier.architectures import ONNX, ONNX_SUFFIX, build_module
from classifier.errors import ModelError
from classifier.parts import Look, anatomy_of, look, remember_size

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.description import Preprocessing


class ServedNetwork(nn.Module):
    """Maps raw pixels to logits and features.

    Normalisation and the change of layout belong to the compiled model: the caller passes the
    decoded bytes.

    Args:
        module: The library's network; `classifier.parts` is the interface to it.
        preprocessing: Source of the mean and standard deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, module: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        anatomy_of(module)  # now rather than during export
        self.module = module
        # For 0..255 rather than 0..1: saves the division by 255.
        self.register_buffer("mean", 255 * torch.tensor(preprocessing.mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(preprocessing.std).view(1, 3, 1, 1))
        self._bgr = preprocessing.bgr

    def forward(self, pixels: Tensor) -> Look:
        """Classify `pixels`, uint8 RGB [N, H, W, 3], as logits [N, C] and features [N, F, h, w]."""
        x = pixels.permute(0, 3, 1, 2).to(self.mean.dtype)  # [N, 3, H, W]
        x = (x - self.mean) / self.std
        return look(self.module, x.flip(1) if self._bgr else x)


def build_network(arch: str, num_classes: int, size: int = SIZE) -> nn.Module:
    """Build a library's network with fresh weights.

    Args:
        arch: Its name; see `classifier.architectures`.
        num_classes: Number of outputs of the last layer.
        size: Input size in pixels; most networks accept any, transformers only this one.

    Raises:
        ModelError: `arch` is unknown, or cannot be built for `size`.
    """
    network = build_module(arch, num_classes, size)
    remember_size(network, size)
    return network


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read weights from `.safetensors` or a plain `.pth` state dict, as float32 on the CPU.

    Raises:
        ModelError: The file is missing or damaged, or contains anything but tensors.
    """
    if path.suffix == ONNX_SUFFIX:
        raise ModelError(
            f"{path}: an ONNX graph, which OpenVINO serves and evaluates as it is: its weights "
            "cannot be trained further, resized, or used by PyTorch"
        )
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


def load_network(path: Path, arch: str, num_classes: int, size: int = SIZE) -> nn.Module:
    """Build a network and load its weights strictly, ready for inference.

    Args:
        path: State dict with the library's keys; or an ONNX file, which is the network too.
        arch: See `build_network`, as for the others.
        num_classes: Number of outputs of the last layer.
        size: Input size in pixels.

    Raises:
        ModelError: The file cannot be read, or does not fit `arch` and `num_classes`.
    """
    if arch == ONNX:
        return _load_onnx(path, num_classes, size)
    network = build_network(arch, num_classes, size)
    try:
        network.load_state_dict(read_state_dict(path), strict=True)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: not the weights of a {arch} with {num_classes} classes: {error}"
        ) from error
    return network.eval()


def _load_onnx(path: Path, num_classes: int, size: int) -> nn.Module:
    from classifier.onnx_graph import read_graph  # noqa: PLC0415  imports OpenVINO
    from classifier.onnx_network import OnnxNetwork  # noqa: PLC0415

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    return OnnxNetwork(read_graph(data, str(path), size), num_classes).eval()
