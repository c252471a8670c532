"""The training loop's moving parts: optimizer, schedule, average, and one epoch of steps."""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torchvision.transforms import v2
from tqdm import tqdm

from train.data_set import TrainingPhotos, mix_seeds
from train.errors import DivergenceError
from train.stages import View, view_of
from train.transforms import crop_of_epoch, training_transform

if TYPE_CHECKING:
    from torch import Tensor
    from torchvision.models import ResNet

    from classifier.description import Preprocessing
    from train.data_set import DataSet
    from train.distillation import Distillation
    from train.recipe import Recipe

Loader = DataLoader[tuple["Tensor", int]]
_STEPS_BETWEEN_LOOKS = 50  # at the loss: each look makes a GPU wait


class TrainFigures(NamedTuple):
    """Mean loss and share of right answers over an epoch's (transformed) photos; their number."""

    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class Learner:
    """Everything that changes while training; `state_dict` and `load_state_dict` are all of it."""

    network: ResNet
    average: AveragedModel | None
    distillation: Distillation | None
    optimizer: torch.optim.Optimizer
    schedule: lr_scheduler.LRScheduler
    device: torch.device

    @property
    def evaluated(self) -> ResNet:
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
    network: ResNet,
    recipe: Recipe,
    steps: int,
    device: torch.device,
    distillation: Distillation | None = None,
) -> Learner:
    """Set up training of `network` over `steps` optimizer steps in all."""
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    network = network.to(device, memory_format=layout)
    learning = [network, distillation.adapters] if distillation else [network]
    optimizer = _optimizer(nn.ModuleList(learning), recipe)
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
    return Learner(network, average, distillation, optimizer, schedule, device)


def training_loader(
    data_set: DataSet, recipe: Recipe, epoch: int, preprocessing: Preprocessing
) -> Loader:
    """Load the photos of one epoch in batches of float32 [N, 3, crop, crop] and labels [N]."""
    transform = training_transform(recipe, crop_of_epoch(recipe, epoch), preprocessing)
    photos = TrainingPhotos(
        data_set.train,
        transform,
        seed=recipe.seed,
        epoch=epoch,
        decoded=data_set.decoded_train,
    )
    return DataLoader(
        photos,
        batch_size=recipe.batch_size,
        shuffle=True,
        num_workers=loader_workers(recipe),
        generator=torch.Generator().manual_seed(mix_seeds(recipe.seed, epoch)),
        # Batch normalisation learns nothing from a single photo.
        drop_last=len(photos) % recipe.batch_size == 1 and len(photos) > 1,
        pin_memory=torch.cuda.is_available(),
    )


def loader_workers(recipe: Recipe) -> int:
    """Return how many processes read photos: no more than there are cores."""
    return min(recipe.workers, os.cpu_count() or 1)


def train_epoch(learner: Learner, loader: Loader, recipe: Recipe, epoch: int) -> TrainFigures:
    """Take one step for each batch of `loader`.

    All seeds follow from the recipe's and the epoch, so an epoch has the same outcome
    whether the job was interrupted before it or not.

    Raises:
        DivergenceError: The loss is infinite or no number.
    """
    _seed_everything(mix_seeds(recipe.seed, epoch))
    learner.network.train()
    loss_sum = torch.zeros((), device=learner.device)
    right = torch.zeros((), device=learner.device)
    seen = 0
    # disable=None: no bar where there is no terminal
    bar = tqdm(loader, desc=f"epoch {epoch + 1}/{recipe.epochs}", leave=False, disable=None)
    for step, (images, labels) in enumerate(bar, start=1):
        loss, logits = _step(learner, images.to(learner.device), labels, recipe)
        loss_sum += loss * len(labels)
        right += (logits.argmax(dim=1) == labels.to(learner.device)).sum()
        seen += len(labels)
        if step % _STEPS_BETWEEN_LOOKS == 0:
            _check_finite(loss_sum.item(), recipe, epoch)
    _check_finite(loss_sum.item(), recipe, epoch)
    return TrainFigures(loss_sum.item() / seen, right.item() / seen, seen)


def _check_finite(loss: float, recipe: Recipe, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DivergenceError(
            f"the loss became {loss} in epoch {epoch + 1}: the training has diverged, and stops "
            "before it spoils the checkpoint of the epoch before; train anew with a lower learning "
            f"rate, such as --set lr={recipe.lr / 3:.1g} (it is {recipe.lr:g})"
            + (', or with precision = "fp32"' if recipe.precision != "fp32" else "")
        )


def _step(
    learner: Learner, images: Tensor, labels: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Learn from one batch; return the loss [] and the logits [N, C]."""
    targets = labels.to(learner.device)  # [N]
    if recipe.mixup:
        mix = v2.MixUp(alpha=recipe.mixup, num_classes=learner.network.fc.out_features)
        images, targets = mix(images, targets)  # targets [N, C]
    if recipe.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(learner.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        logits, loss = _losses(learner, images, targets, recipe)
    learner.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    learner.optimizer.step()
    learner.schedule.step()
    if learner.average:
        learner.average.update_parameters(learner.network)
    return loss.detach(), logits.detach()


def _losses(
    learner: Learner, images: Tensor, targets: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Return the logits [N, C] and the loss []."""
    if learner.distillation is None:
        view = View(learner.network(images), ())
    else:
        view = view_of(learner.network, images)
    loss = nn.functional.cross_entropy(
        view.logits.float(), targets, label_smoothing=recipe.label_smoothing
    )
    if learner.distillation is not None:
        loss = learner.distillation.loss(images, view, loss)
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
