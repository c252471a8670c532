"""Batch normalisation over the photos of all processes, as if the batch were in one process.

PyTorch's own `SyncBatchNorm` does this on GPUs only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, nn

from train import world

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx


def synchronise_batch_norm(network: nn.Module) -> None:
    """Replace the batch normalisations inside a network; weights and their names stay.

    timm's layer that is a batch normalisation and an activation in one is replaced as well.
    """
    if next(network.parameters()).device.type == "cuda":
        convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, _like(child, WholeBatchNorm))
            elif type(child) is BatchNormAct2d:
                whole = _like(child, WholeBatchNormAct)
                whole.drop, whole.act = child.drop, child.act
                setattr(module, name, whole)


class WholeBatchNorm(nn.BatchNorm2d):
    """Gives the same result as its base class does with the whole batch in one process."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the base class names it
        """Normalise a share of the batch, [N, C, H, W]."""
        return _normalise(self, input) if self.training else super().forward(input)


class WholeBatchNormAct(BatchNormAct2d):
    """As its base class makes it of a batch that is in one process: with an activation."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a share of the batch, [N, C, H, W], and activate it."""
        normalised: Tensor
        if self.training:
            normalised = self.act(self.drop(_normalise(self, x)))
        else:
            normalised = super().forward(x)  # type: ignore[no-untyped-call]
        return normalised


class _Total(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(_: FunctionCtx, values: Tensor) -> Tensor:
        return world.total(values.clone())

    @staticmethod
    def backward(_: FunctionCtx, gradient: Tensor) -> Tensor:
        return world.total(gradient.clone())


def _normalise(norm: nn.BatchNorm2d, share: Tensor) -> Tensor:
    x = share.float()
    count = x.new_tensor([x.numel() / x.shape[1]])
    totals: Tensor = _Total.apply(torch.cat([x.sum(dim=(0, 2, 3)), count]))  # [C + 1]
    mean, count = totals[:-1] / totals[-1], totals[-1].detach()  # [C], []
    x = x - mean.view(1, -1, 1, 1)
    variance = _Total.apply(x.square().sum(dim=(0, 2, 3))) / count  # [C]
    _remember(norm, mean.detach(), variance.detach() * count / (count - 1))
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return (x * scale.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)).to(share.dtype)


def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics."""
    assert norm.running_mean is not None  # noqa: S101  for the type checker
    assert norm.running_var is not None  # noqa: S101
    assert norm.num_batches_tracked is not None  # noqa: S101
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)  # type: ignore[arg-type]
    norm.running_var.lerp_(variance, norm.momentum)  # type: ignore[arg-type]


def _like(norm: nn.BatchNorm2d, kind: type[nn.BatchNorm2d]) -> nn.BatchNorm2d:
    like = kind(norm.num_features, norm.eps, norm.momentum, device=norm.weight.device)
    like.load_state_dict(norm.state_dict())
    return like
