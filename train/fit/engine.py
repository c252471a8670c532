"""The training loop's moving parts: optimizer, schedule, average, and one epoch of steps.

Several processes can share each batch; see `train.world`.
"""

from __future__ import annotations

import contextlib
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2
from tqdm import tqdm

from classifier.parts import head_of, num_classes_of
from train import world
from train.data.data_set import mix_seeds
from train.errors import DivergenceError
from train.fit.batch_norm import synchronise_batch_norm

if TYPE_CHECKING:
    from torch import Tensor

    from train.fit.lesson import Lesson
    from train.fit.loading import TrainingLoader
    from train.recipe import Recipe

_STEPS_BETWEEN_LOOKS = 50  # steps between looks at the loss: each one makes a GPU wait


class TrainFigures(NamedTuple):
    """Mean loss, share of correct answers, and number of an epoch's (transformed) photos."""

    loss: float
    accuracy: float
    images: int


@dataclass(frozen=True)
class Learner:
    """Everything that changes while training; `state_dict` and `load_state_dict` cover all of it.

    Attributes:
        lesson: What is learned, and the network that learns it.
        step: The lesson as each step calls it; averages gradients over the processes.
        average: Moving average of the network's weights, if the recipe enables it.
        optimizer: Optimizer of all trained parameters.
        schedule: Learning rate schedule.
        device: The device of all of it.
    """

    lesson: Lesson
    step: nn.Module
    average: AveragedModel | None
    optimizer: torch.optim.Optimizer
    schedule: lr_scheduler.LRScheduler
    device: torch.device

    @property
    def network(self) -> nn.Module:
        """The network in training."""
        return self.lesson.network

    @property
    def evaluated(self) -> nn.Module:
        """The network to evaluate and keep: the averaged one, if there is one."""
        return self.average.module if self.average else self.network

    def state_dict(self) -> dict[str, object]:
        """Return the state of all parts."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Restore the state of all parts."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer | lr_scheduler.LRScheduler]:
        # These names are in checkpoint files, as are a lesson's names of its children.
        return {
            **dict(self.lesson.named_children()),
            **({"average": self.average} if self.average else {}),
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }


def build_learner(lesson: Lesson, recipe: Recipe, steps: int, device: torch.device) -> Learner:
    """Set up the training of a lesson's network over `steps` optimizer steps in total."""
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    network = lesson.to(device).network.to(memory_format=layout)
    if recipe.frozen:
        network.requires_grad_(requires_grad=False)
        head_of(network).requires_grad_()
    if world.size() > 1:
        synchronise_batch_norm(network)
    optimizer = _optimizer(lesson, recipe)
    if recipe.schedule == "one-cycle":
        rates = [group["lr"] for group in optimizer.param_groups]
        schedule: lr_scheduler.LRScheduler = lr_scheduler.OneCycleLR(
            optimizer, max_lr=rates, total_steps=steps
        )
    else:
        schedule = lr_scheduler.ConstantLR(optimizer, factor=1.0)
    average = None
    if recipe.ema_decay:
        keep_most = get_ema_multi_avg_fn(recipe.ema_decay)  # type: ignore[no-untyped-call]
        # Buffers too: the average's batch normalisation needs statistics that match its weights.
        average = AveragedModel(network, multi_avg_fn=keep_most, use_buffers=True)
    step: nn.Module = lesson
    if world.size() > 1:
        # Buffers are the same everywhere: batch normalisation sees the whole batch.
        step = DistributedDataParallel(lesson, broadcast_buffers=False)
    return Learner(lesson, step, average, optimizer, schedule, device)


def train_epoch(
    learner: Learner, loader: TrainingLoader, recipe: Recipe, epoch: int
) -> TrainFigures:
    """Take one step per batch of the epoch.

    All seeds derive from the recipe's and the epoch, so an epoch has the same outcome whether or
    not the job was interrupted before it.

    Raises:
        DivergenceError: The loss is infinite or NaN.
    """
    _seed_everything(mix_seeds(recipe.seed, epoch))
    device = learner.device
    mix = None
    if recipe.mixup:
        mix = v2.MixUp(alpha=recipe.mixup, num_classes=num_classes_of(learner.network))
    learner.network.train(not recipe.frozen)
    sums = torch.zeros(3, device=device)  # of losses, of right answers, of photos
    # disable=None: no bar without a terminal
    hidden = None if world.is_first() else True
    bar = tqdm(
        loader.epoch(epoch),
        desc=f"epoch {epoch + 1}/{recipe.epochs}",
        leave=False,
        disable=hidden,
    )
    for step, batch in enumerate(bar, start=1):
        images, labels = (part.to(device) for part in batch)  # [N, 3, crop, crop], [N]
        targets = labels
        if mix:
            images, targets = mix(images, labels)  # targets [N, C]
        if recipe.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        learner.optimizer.zero_grad()
        logits, loss = _gradients(learner, images, targets, recipe)  # [N, C], []
        learner.optimizer.step()
        learner.schedule.step()
        if learner.average:
            learner.average.update_parameters(learner.network)
        right = (logits.argmax(dim=1) == labels).sum()
        sums += torch.stack([loss.detach() * len(labels), right, right.new_tensor(len(labels))])
        if step % _STEPS_BETWEEN_LOOKS == 0:
            _check_finite(sums[0].item(), recipe, epoch)
    loss_sum, right_sum, images = world.total(sums).tolist()
    _check_finite(loss_sum, recipe, epoch)
    return TrainFigures(loss_sum / images, right_sum / images, round(images))


def _gradients(
    learner: Learner, images: Tensor, targets: Tensor, recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """Add up the gradients of a batch, a part at a time; return its logits [N, C] and loss []."""
    weight, photos = _weight(targets), len(targets)
    parts = _parts_of(photos, recipe, learner.device)
    all_logits, total = [], torch.zeros((), device=learner.device)
    for number, some in enumerate(torch.arange(photos).tensor_split(parts), start=1):
        share = slice(int(some[0]), int(some[-1]) + 1)
        # Processes exchange their gradients once, after the last part.
        alone = getattr(learner.step, "no_sync", None) if number < parts else None
        bf16 = recipe.precision == "bf16"
        with alone() if alone else contextlib.nullcontext():
            with torch.autocast(learner.device.type, torch.bfloat16, enabled=bf16):
                logits, loss = learner.step(images[share], targets[share])
            loss = loss * (len(some) / photos)
            (loss * weight).backward()
        all_logits.append(logits.detach())
        total += loss.detach()
    return torch.cat(all_logits), total


def _parts_of(photos: int, recipe: Recipe, device: torch.device) -> int:
    """Return in how many parts a batch is computed; the same in all processes."""
    if not recipe.micro_batch:
        return 1
    most = torch.tensor(float(photos), device=device)
    if world.size() > 1:  # shares may differ by a photo
        most = world.total(most) / world.size()
    return min(math.ceil(math.ceil(float(most)) / recipe.micro_batch), photos)


def _check_finite(loss: float, recipe: Recipe, epoch: int) -> None:
    if not math.isfinite(loss):
        raise DivergenceError(
            f"the loss became {loss} in epoch {epoch + 1}: the training has diverged, and stops "
            "before it spoils the previous epoch's checkpoint; train again with a lower learning "
            f"rate, such as --set lr={recipe.lr / 3:.1g} (it is {recipe.lr:g})"
            + (', or with precision = "fp32"' if recipe.precision != "fp32" else "")
        )


def _weight(labels: Tensor) -> Tensor | float:
    """Return the weight of this process's gradients in the mean over the processes."""
    if world.size() == 1:
        return 1.0
    share = torch.tensor(float(len(labels)), device=labels.device)
    return world.size() * share / world.total(share.clone())


def _optimizer(lesson: Lesson, recipe: Recipe) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = []
    for rate, learning in _by_rate(lesson, recipe).items():
        weights = [p for p in learning if p.ndim > 1]
        # Decay would pull the scales of batch normalisation, and with them the signal, to zero.
        scales_and_biases = [p for p in learning if p.ndim <= 1]
        groups += [
            {"params": weights, "weight_decay": recipe.weight_decay, "lr": rate},
            {"params": scales_and_biases, "weight_decay": 0.0, "lr": rate},
        ]
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=recipe.lr)


def _by_rate(lesson: Lesson, recipe: Recipe) -> dict[float, list[nn.Parameter]]:
    """Return what learns, by learning rate, the full one first."""
    rates: dict[float, list[nn.Parameter]] = {recipe.lr: []}
    blocks = list(dict.fromkeys(_block(name) for name, _ in lesson.network.named_parameters()))
    depths = {
        id(parameter): blocks.index(_block(name)) / max(1, len(blocks) - 1)
        for name, parameter in lesson.network.named_parameters()
    }
    for parameter in lesson.parameters():
        if parameter.requires_grad:
            depth = depths.get(id(parameter), 1.0)  # what else a lesson learns is new
            rate = recipe.lr * recipe.lr_first ** (1 - depth)
            rates.setdefault(rate, []).append(parameter)
    return rates


def _block(name: str) -> str:
    """Return the part of a network that a parameter is in, such as "layer1.0" or "blocks.2"."""
    return ".".join(name.split(".")[:-1][:2])


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(seed)
