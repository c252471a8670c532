"""Batch normalisation over the photos of all processes, so that shares of a batch act as a whole.

PyTorch's own `SyncBatchNorm` does this on GPUs only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from train import world

if TYPE_CHECKING:
    from torch.autograd.function import FunctionCtx


def synchronise_batch_norm(network: nn.Module) -> None:
    """Replace the batch normalisations inside a network; weights and their names stay."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, _synchronised(child))


class WholeBatchNorm(nn.BatchNorm2d):
    """As its base class makes it of a batch that is in one process."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the base class names it
        """Normalise a share of the batch, [N, C, H, W]."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        count = x.new_tensor([x.numel() / x.shape[1]])
        totals: Tensor = _Total.apply(torch.cat([x.sum(dim=(0, 2, 3)), count]))  # [C + 1]
        mean, count = totals[:-1] / totals[-1], totals[-1].detach()  # [C], []
        x = x - mean.view(1, -1, 1, 1)
        variance = _Total.apply(x.square().sum(dim=(0, 2, 3))) / count  # [C]
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (x * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics."""
        assert self.running_mean is not None  # noqa: S101  for the type checker
        assert self.running_var is not None  # noqa: S101
        assert self.num_batches_tracked is not None  # noqa: S101
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)  # type: ignore[arg-type]
        self.running_var.lerp_(variance, self.momentum)  # type: ignore[arg-type]


class _Total(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_: FunctionCtx, values: Tensor) -> Tensor:
        return world.total(values.clone())

    @staticmethod
    def backward(_: FunctionCtx, gradient: Tensor) -> Tensor:
        return world.total(gradient.clone())


def _synchronised(norm: nn.BatchNorm2d) -> nn.Module:
    device = norm.weight.device
    synchronised: nn.Module
    if device.type == "cuda":
        synchronised = nn.SyncBatchNorm(norm.num_features, norm.eps, norm.momentum, device=device)
    else:
        synchronised = WholeBatchNorm(norm.num_features, norm.eps, norm.momentum, device=device)
    synchronised.load_state_dict(norm.state_dict())
    return synchronised
