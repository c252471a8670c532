"""Defines a batch's loss: here from the labels, in `train.fit.distillation` from a teacher too.

`train.fit.engine` accepts any lesson.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from train.recipe import Recipe


class Lesson(nn.Module):
    """Computes the loss of a batch; one module with all trained parameters, as DDP requires.

    Attributes:
        network: The network in training. Anything else that is trained is a further child module.
    """

    network: nn.Module

    def forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [N, C] and the loss [].

        Args:
            images: float32 [N, 3, H, W], normalised.
            targets: Labels [N], or the share of each class [N, C].
        """
        raise NotImplementedError


class LabelLesson(Lesson):
    """Cross entropy against the labels."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self._label_smoothing = recipe.label_smoothing

    def forward(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits [N, C] and the cross entropy []; see `Lesson`."""
        logits = self.network(images)
        return logits, label_loss(logits, targets, self._label_smoothing)


def label_loss(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Return the mean cross entropy [] of logits [N, C], in float32."""
    return nn.functional.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
