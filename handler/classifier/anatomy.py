"""Locates the parts of a library's network: the head, the last feature map, the stages.

No list of networks is kept: each network is run once on noise, and its modules' inputs and
outputs are inspected.

    head          the linear layer whose output is the network's
    feature map   [N, F, h, w], whose mean over h and w is the head's input; a network's class
                  activation map is exact only if it has one (Zhou et al. 2016, arXiv:1512.04150)
    stages        the outermost, last modules whose output has a stride of 4, 8, 16 or 32 pixels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 224  # input size in pixels, unless a network was built for another
_STRIDES = (4, 8, 16, 32)
_NEAR = 1e-3  # tolerance for two means of the same numbers, summed in different orders


class Spot(NamedTuple):
    """A tensor inside a network: a module's name, and whether it is its input or its output."""

    module: str
    is_input: bool


class Stage(NamedTuple):
    """The last module of a stage; its output is [N, channels, H/stride, W/stride]."""

    module: str
    channels: int
    stride: int


@dataclass(frozen=True)
class Anatomy:
    """Where a network's parts are.

    Attributes:
        num_classes: Number of outputs.
        head: Name of the last linear layer; None if the network ends in something else.
        feature_map: Where the last feature map is; None if the head's input is not its mean.
        channels_last: Whether that map is [N, h, w, F].
        stages: From finest to coarsest; empty for a network that never downsamples.
    """

    num_classes: int
    head: str | None
    feature_map: Spot | None
    channels_last: bool
    stages: tuple[Stage, ...]


class _Event(NamedTuple):
    """A module's input and output; None where that is not a single tensor."""

    name: str
    module: nn.Module
    taken: Tensor | None
    given: Tensor | None


def ask(network: nn.Module, size: int = SIZE) -> Anatomy:
    """Run a network on one image of noise and find its parts; the network is left unchanged.

    Args:
        network: Any classifier.
        size: Input size that it accepts, in pixels.

    Raises:
        ModelError: It is not an image classifier.
    """
    noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    events, logits = _run(network, noise.to(next(network.parameters())))
    if not isinstance(logits, Tensor) or logits.ndim != 2:  # noqa: PLR2004  [N, C]
        raise ModelError(f"{type(network).__name__} is not an image classifier")
    head = next((event for event in reversed(events) if _is_head(event, logits)), None)
    spot, channels_last = _find_map(events, head.taken) if head else (None, False)
    return Anatomy(
        num_classes=logits.shape[1],
        head=head.name if head else None,
        feature_map=spot,
        channels_last=channels_last,
        stages=_find_stages(events, size),
    )


def _run(network: nn.Module, images: Tensor) -> tuple[list[_Event], object]:
    """Run a network in evaluation mode; return its modules' calls, in the order they finished."""
    events: dict[str, _Event] = {}
    training = [(module, module.training) for module in network.modules()]
    handles = [
        module.register_forward_hook(_remember(events, name))
        for name, module in network.named_modules()
        if name
    ]
    try:
        network.eval()
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            output = network(images)
    finally:
        for handle in handles:
            handle.remove()
        for module, was_training in training:
            module.training = was_training
    return list(events.values()), output


def _remember(
    events: dict[str, _Event], name: str
) -> Callable[[nn.Module, tuple[object, ...], object], None]:
    def hook(module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        taken = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
        given = output if isinstance(output, Tensor) else None
        events.pop(name, None)  # a module that runs twice counts at its last run
        events[name] = _Event(name, module, taken, given)

    return hook


def _is_head(event: _Event, logits: Tensor) -> bool:
    given = event.given
    return (
        isinstance(event.module, nn.Linear)
        and given is not None
        and given.shape == logits.shape
        and (given is logits or torch.equal(given, logits))
    )


def _find_map(events: list[_Event], vector: Tensor | None) -> tuple[Spot | None, bool]:
    """Return the last tensor whose mean over height and width is `vector`, and its layout."""
    for event in reversed(events):
        for tensor, is_input in ((event.given, False), (event.taken, True)):
            for over, channels_last in (((2, 3), False), ((1, 2), True)):
                if tensor is not None and _has_mean(tensor, over, vector):
                    return Spot(event.name, is_input), channels_last
    return None, False


def _has_mean(tensor: Tensor, over: tuple[int, int], vector: Tensor | None) -> bool:
    if vector is None or tensor.ndim != 4 or tensor[0].numel() <= vector[0].numel():  # noqa: PLR2004
        return False
    mean = tensor.mean(dim=over)
    largest = float(vector.abs().max())
    return mean.shape == vector.shape and bool(
        torch.allclose(mean, vector, rtol=_NEAR, atol=_NEAR * largest) and largest > 0
    )


def _find_stages(events: list[_Event], size: int) -> tuple[Stage, ...]:
    ends: dict[int, _Event] = {}
    for stride in _STRIDES:
        for event in events:
            given = event.given
            if given is None or tuple(given.shape[2:]) != (size // stride, size // stride):
                continue
            if stride not in ends or _depth(event) <= _depth(ends[stride]):
                ends[stride] = event
    return tuple(
        Stage(event.name, event.given.shape[1], stride)
        for stride, event in ends.items()
        if event.given is not None
    )


def _depth(event: _Event) -> int:
    return event.name.count(".")
