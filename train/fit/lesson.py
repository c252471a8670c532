"""What the loss of a batch is made of: here of the labels, in `train.fit.distillation` of more.

`train.fit.engine` takes a lesson, and knows no particular one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from train.recipe import Recipe


class Lesson(nn.Module):
    """From a batch to its loss: one module that holds all that learns, as DDP needs it.

    Attributes:
        network: What is trained. Whatever else learns is a child module of its own.
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
        """Learn what the labels say."""
        logits = self.network(images)
        return logits, label_loss(logits, targets, self._label_smoothing)


def label_loss(logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Return the mean cross entropy [] of logits [N, C], in float32."""
    return nn.functional.cross_entropy(logits.float(), targets, label_smoothing=label_smoothing)
