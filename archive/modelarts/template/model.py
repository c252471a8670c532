"""The network: torchvision's, with the package's weights."""

import torch
import torchvision


def load_network(path, arch, num_classes):
    """Build the network `arch` and load its weights, ready for inference on the CPU.

    Args:
        path: A plain state dict with torchvision's keys.
        arch: Name of the torchvision model, such as ``resnet34``.
        num_classes: Number of classes.
    """
    network = getattr(torchvision.models, arch)(num_classes=num_classes)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except TypeError:  # before PyTorch 1.13 there was no such argument
        state = torch.load(path, map_location="cpu")
    network.load_state_dict(state, strict=True)
    return network.eval()
