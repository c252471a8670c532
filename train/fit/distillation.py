"""Distillation: besides the labels, a student learns a teacher's probabilities and features.

    probabilities   Hinton et al. 2015, arXiv:1503.02531
    features        Romero et al. 2015 (FitNets), arXiv:1412.6550; here at four stages
    same images     teacher and student see the same crops: Beyer et al. 2022, arXiv:2106.05237

`train.fit.teacher` trains the teacher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from classifier.parts import anatomy_of, look_at_stages
from train.fit.lesson import Lesson, label_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from classifier.parts import StagesLook
    from train.fit.teacher import Teacher
    from train.recipe import Recipe

_TEMPERATURE = 2.0  # softens both distributions, so that improbable classes teach too


class Distillation(Lesson):
    """A lesson of the labels and a teacher's output for the same images.

    Attributes:
        network: The student.
        adapters: 1x1 convolutions from the student's channels to the teacher's.
    """

    def __init__(
        self,
        network: nn.Module,
        teach: Callable[[Tensor], StagesLook],
        adapters: nn.ModuleList,
        recipe: Recipe,
    ) -> None:
        super().__init__()
        self.network = network
        self.adapters = adapters
        self._teach = teach  # a method, not a child module: the teacher is not trained here
        self._share = recipe.distil_labels
        self._feature_weight = recipe.distil_features
        self._label_smoothing = recipe.label_smoothing

    def forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Learn what the labels say, and the teacher."""
        student = look_at_stages(self.network, images)
        loss = label_loss(student.logits, targets, self._label_smoothing)
        return student.logits, self.combine(images, student, loss)

    def combine(self, images: Tensor, student: StagesLook, label_loss: Tensor) -> Tensor:
        """Combine the loss on labels, [], with what the teacher says of the same images.

        Args:
            images: float32 [N, 3, H, W], normalised.
            student: The student's output for them.
            label_loss: Cross entropy against the labels.
        """
        with torch.no_grad():
            teacher = self._teach(images)
        distance = kl_divergence(teacher.logits.float(), student.logits.float())
        loss = (1 - self._share) * label_loss + self._share * distance
        if self._feature_weight:
            adapted = (
                adapter(features)
                for adapter, features in zip(self.adapters, student.features, strict=True)
            )
            differences = [
                F.mse_loss(_standardise(mine), _standardise(its))
                for mine, its in zip(adapted, teacher.features, strict=True)
            ]
            loss = loss + self._feature_weight * torch.stack(differences).mean()
        return loss


def build_distillation(teacher: Teacher, student: nn.Module, recipe: Recipe) -> Distillation:
    """Set up the distillation of a recipe, with fresh adapters."""
    widths = [stage.channels for stage in anatomy_of(student).stages]
    adapters = nn.ModuleList(
        nn.Conv2d(mine, its, kernel_size=1, bias=False)
        for mine, its in zip(widths, teacher.channels, strict=True)
        if recipe.distil_features  # an unused module would stall training with several processes
    )
    return Distillation(student, teacher.view, adapters, recipe)


def kl_divergence(teacher_logits: Tensor, student_logits: Tensor) -> Tensor:
    """Return the mean divergence [] of the softened probabilities of two logits, float32 [N, C].

    Multiplied by the squared temperature, which keeps its gradients as large as cross entropy's.
    """
    divergence = F.kl_div(
        F.log_softmax(student_logits / _TEMPERATURE, dim=1),
        F.log_softmax(teacher_logits / _TEMPERATURE, dim=1),
        log_target=True,
        reduction="batchmean",
    )
    return _TEMPERATURE**2 * divergence


def _standardise(features: Tensor) -> Tensor:
    """Scale each channel to mean 0 and variance 1 over the batch, to compare only patterns."""
    return F.batch_norm(features.float(), None, None, training=True)
