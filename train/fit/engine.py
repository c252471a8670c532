"""The training loop's moving parts: optimizer, schedule, average, and one epoch of steps.

Several processes share out each batch; see `train.world`.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2
from tqdm import tqdm

from classifier.parts import num_classes_of
from train import world
from train.data.data_set import mix_seeds
from train.errors import DivergenceError
from train.fit.batch_norm import synchronise_batch_norm
from train.fit.stages import View, view_of

if TYPE_CHECKING:
    from torch import Tensor

    from train.fit.distillation import Distillation
    from train.fit.loading import TrainingLoader
    from train.recipe import Recipe

_STEPS_BETWEEN_LOOKS = 50  # at the loss: each look makes a GPU wait


class TrainFigures(NamedTuple):
    """Mean loss and share of right answers over an epoch's (transformed) photos; their number."""

    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class Learner:
    """Everything that changes while training; `state_dict` and `load_state_dict` are all of it.

    Attributes:
        network: What is trained.
        lesson: From a batch to the network's loss; averages gradients over the processes.
        average: Of the network's weights over the last steps, where the recipe wants it.
        distillation: What else is learned from, where the recipe wants it.
        optimizer: Of all that learns.
        schedule: Of the learning rate.
        device: Where all of it is.
    """

    network: nn.Module
    lesson: nn.Module
    average: AveragedModel | None
    distillation: Distillation | None
    optimizer: torch.optim.Optimizer
    schedule: lr_scheduler.LRScheduler
    device: torch.device

    @property
    def evaluated(self) -> nn.Module:
        """The network to evaluate and keep: the average of weights where there is one."""
        return self.average.module if self.average else self.network

    def state_dict(self) -> dict[str, object]:
        """Return the state of all parts."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Restore the state of all parts."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer | lr_scheduler.LRScheduler]:
        parts = {
            "network": self.network,
            "average": self.average,
            "adapters": self.distillation.adapters if self.distillation else None,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
        return {name: part for name, part in parts.items() if part is not None}


def build_learner(
    network: nn.Module,
    recipe: Recipe,
    steps: int,
    device: torch.device,
    distillation: Distillation | None = None,
) -> Learner:
    """Set up training of `network` over `steps` optimizer steps in all."""
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    network = network.to(device).to(memory_format=layout)
    if world.size() > 1:
        synchronise_batch_norm(network)
    lesson: nn.Module = _Lesson(network, distillation, recipe)
    optimizer = _optimizer(lesson, recipe)
    if recipe.schedule == "one-cycle":
        schedule: lr_scheduler.LRScheduler = lr_scheduler.OneCycleLR(
            optimizer, max_lr=recipe.lr, total_steps=steps
        )
    else:
        schedule = lr_scheduler.ConstantLR(optimizer, factor=1.0)
    average = None
    if recipe.ema_decay:
        keep_most = get_ema_multi_avg_fn(recipe.ema_decay)  # type: ignore[no-untyped-call]
        # Buffers too: the average's batch normalisation needs statistics that fit its weights.
        average = AveragedModel(network, multi_avg_fn=keep_most, use_buffers=True)
    if world.size() > 1:
        # Buffers are the same everywhere: batch normalisation sees the whole batch.
        lesson = DistributedDataParallel(lesson, broadcast_buffers=False)
    return Learner(network, lesson, average, distillation, optimizer, schedule, device)


def train_epoch(
    learner: Learner, loader: TrainingLoader, recipe: Recipe, epoch: int
) -> TrainFigures:
    """Take one step for each batch of the epoch.

    All seeds follow from the recipe's and the epoch, so an epoch has the same outcome
    whether the job was interrupted before it or not.

    Raises:
        DivergenceError: The loss is infinite or no number.
    """
    _seed_everything(mix_seeds(recipe.seed, epoch))
    learner.network.train()
    sums = torch.zeros(3, device=learner.device)  # of losses, of right answers, of photos
    # disable=None: no bar where there is no terminal
    hidden = None if world.is_first() else True
    bar = tqdm(
        loader.epoch(epoch),
        desc=f"epoch {epoch + 1}/{recipe.epochs}",
        leave=False,
        disable=hidden,
    )
    for step, (images, labels) in enumerate(bar, start=1):
        loss, logits = _step(learner, images.to(learner.device), labels, recipe)
        right = (logits.argmax(dim=1) == labels.to(learner.device)).sum()
        sums += torch.stack([loss * len(labels), right, torch.full_like(loss, len(labels))])
        if step % _STEPS_BETWEEN_LOOKS == 0:
            _check_finite(sums[0].item(), recipe, epoch)
    loss_sum, right_sum, images = world.total(sums).tolist()
    _check_finite(loss_sum, recipe, epoch)
    return TrainFigures(loss_sum / images, right_sum / images, round(images))


def _check_finite(loss: float, recipe: Recipe, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DivergenceError(
            f"the loss became {loss} in epoch {epoch + 1}: the training has diverged, and stops "
            "before it spoils the previous epoch's checkpoint; train again with a lower learning "
            f"rate, such as --set lr={recipe.lr / 3:.1g} (it is {recipe.lr:g})"
            + (', or with precision = "fp32"' if recipe.precision != "fp32" else "")
        )


def _step(
    learner: Learner, images: Tensor, labels: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Learn from one batch; return the loss [] and the logits [N, C]."""
    targets = labels.to(learner.device)  # [N]
    if recipe.mixup:
        mix = v2.MixUp(alpha=recipe.mixup, num_classes=num_classes_of(learner.network))
        images, targets = mix(images, targets)  # targets [N, C]
    if recipe.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(learner.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        logits, loss = learner.lesson(images, targets)
    learner.optimizer.zero_grad()
    (loss * _weight(labels, learner.device)).backward()
    learner.optimizer.step()
    learner.schedule.step()
    if learner.average:
        learner.average.update_parameters(learner.network)
    return loss.detach(), logits.detach()


def _weight(labels: Tensor, device: torch.device) -> Tensor | float:
    """Return how much this share's gradients count in the mean over the processes."""
    if world.size() == 1:
        return 1.0
    share = torch.tensor(float(len(labels)), device=device)
    return world.size() * share / world.total(share.clone())


class _Lesson(nn.Module):
    """All that learns, from a batch to its loss: one module, as distributed training needs it."""

    def __init__(
        self, network: nn.Module, distillation: Distillation | None, recipe: Recipe
    ) -> None:
        super().__init__()
        self.network = network
        self.adapters = distillation.adapters if distillation else None
        self._distillation = distillation
        self._label_smoothing = recipe.label_smoothing

    def forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [N, C] and the loss []."""
        if self._distillation is None:
            view = View(self.network(images), ())
        else:
            view = view_of(self.network, images)
        loss = nn.functional.cross_entropy(
            view.logits.float(), targets, label_smoothing=self._label_smoothing
        )
        if self._distillation is not None:
            loss = self._distillation.loss(images, view, loss)
        return view.logits, loss


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    weights = [p for p in network.parameters() if p.ndim > 1]
    # Decay would pull the scales of batch normalisation, and with them the signal, to zero.
    scales_and_biases = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": scales_and_biases, "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=recipe.lr)


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
