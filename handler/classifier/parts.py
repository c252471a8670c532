"""The one interface to any network: logits and features, head, stages, an exact map.

Networks are the libraries' own modules with the libraries' own keys; only these functions look
inside. One rule holds for all of them: the mean of the features over height and width is the input
of the last linear layer.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor, nn

from classifier.anatomy import SIZE, Anatomy, Spot, ask
from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch.utils.hooks import RemovableHandle

# Attributes set on a network and shared by its copies: its anatomy and its input size.
_ANATOMY, _SIZE = "marigold_anatomy", "marigold_size"


class Look(NamedTuple):
    """A network's output for N images.

    Attributes:
        logits: [N, C].
        features: [N, F, h, w], the last feature map; [N, F, 1, 1], the last linear layer's input,
            if that is not a feature map's mean; [N, C, 1, 1], the logits, if the network does not
            end in a linear layer.
    """

    logits: Tensor
    features: Tensor


class StagesLook(NamedTuple):
    """Logits [N, C], and features [N, F, H/s, W/s] of each stage, finest first."""

    logits: Tensor
    features: tuple[Tensor, ...]


def remember_size(network: nn.Module, size: int) -> None:
    """Record the input size that a network was built for, in pixels."""
    network.__dict__[_SIZE] = size


def anatomy_of(network: nn.Module) -> Anatomy:
    """Return where a network's parts are; the first call runs it once.

    Raises:
        ModelError: It is not an image classifier.
    """
    anatomy: Anatomy | None = network.__dict__.get(_ANATOMY)
    if anatomy is None:
        anatomy = network.__dict__[_ANATOMY] = ask(network, network.__dict__.get(_SIZE, SIZE))
    return anatomy


def num_classes_of(network: nn.Module) -> int:
    """Return the number of classes C of a network."""
    return anatomy_of(network).num_classes


def has_exact_map(network: nn.Module) -> bool:
    """Whether global average pooling feeds the last linear layer.

    Only then do the layer's weights give exactly what each location adds to a logit.
    """
    return anatomy_of(network).feature_map is not None


def look(network: nn.Module, images: Tensor) -> Look:
    """Classify normalised RGB images, [N, 3, H, W]."""
    anatomy = anatomy_of(network)
    if anatomy.feature_map is not None:
        _, (features,) = _watch(network, images, [anatomy.feature_map])
        if anatomy.channels_last:
            features = features.permute(0, 3, 1, 2)
        return Look(head_of(network)(features.mean(dim=(2, 3))), features)
    if anatomy.head is not None:
        logits, (vectors,) = _watch(network, images, [Spot(anatomy.head, is_input=True)])
    else:
        logits = vectors = network(images)
    return Look(logits, vectors[:, :, None, None])


def look_at_stages(network: nn.Module, images: Tensor) -> StagesLook:
    """Classify normalised RGB images, [N, 3, H, W], and return each stage's output too."""
    ends = [Spot(stage.module, is_input=False) for stage in anatomy_of(network).stages]
    logits, features = _watch(network, images, ends)
    return StagesLook(logits, tuple(features))


def head_of(network: nn.Module) -> nn.Linear:
    """Return the last linear layer.

    Raises:
        ModelError: The network ends in something else.
    """
    name = anatomy_of(network).head
    head = network.get_submodule(name) if name is not None else None
    if not isinstance(head, nn.Linear):
        raise ModelError(f"{type(network).__name__} does not end in a linear layer")
    return head


def replace_head(network: nn.Module, num_classes: int) -> nn.Module:
    """Replace a network's last layer by a new one; return the same network.

    Raises:
        ModelError: The network does not end in a linear layer.
    """
    old, anatomy = head_of(network), anatomy_of(network)
    new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    network.set_submodule(str(anatomy.head), new.to(old.weight.device))
    network.__dict__[_ANATOMY] = dataclasses.replace(anatomy, num_classes=num_classes)
    return network


def class_weights_of(network: nn.Module) -> NDArray[np.float32]:
    """Return the last linear layer's weights [C, F]."""
    anatomy = anatomy_of(network)
    if anatomy.head is None:
        return np.eye(anatomy.num_classes, dtype=np.float32)  # the features are the logits
    weights: NDArray[np.float32] = head_of(network).weight.detach().cpu().numpy()
    return weights


def _watch(
    network: nn.Module, images: Tensor, spots: Sequence[Spot]
) -> tuple[Tensor, list[Tensor]]:
    """Run a network; return the logits, and the tensor at each spot."""
    seen: dict[Spot, Tensor] = {}
    handles = [_hook(network.get_submodule(spot.module), spot, seen) for spot in spots]
    try:
        logits: Tensor = network(images)
    finally:
        for handle in handles:
            handle.remove()
    return logits, [seen[spot] for spot in spots]


def _hook(module: nn.Module, spot: Spot, seen: dict[Spot, Tensor]) -> RemovableHandle:
    if spot.is_input:
        return module.register_forward_pre_hook(
            lambda _module, inputs: seen.update({spot: inputs[0]})
        )
    return module.register_forward_hook(
        lambda _module, _inputs, output: seen.update({spot: output})
    )
