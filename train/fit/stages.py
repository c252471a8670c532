"""What a network makes of images at each of its stages, and not only at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from classifier.parts import look_at_stages

if TYPE_CHECKING:
    from torch import Tensor, nn


class View(NamedTuple):
    """Logits [N, C], and features [N, F, H/s, W/s] of the stages that end at stride s = 4..32."""

    logits: Tensor
    features: tuple[Tensor, ...]


def view_of(student: nn.Module, images: Tensor) -> View:
    """Run a network; return its logits with the features of its stages."""
    return View(*look_at_stages(student, images))
