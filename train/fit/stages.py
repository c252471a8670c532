"""What a network makes of images at each of its stages, and not only at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor
    from torchvision.models import ResNet


class View(NamedTuple):
    """Logits [N, C], and features [N, F, H/s, W/s] of the stages that end at stride s = 4..32."""

    logits: Tensor
    features: tuple[Tensor, ...]


def view_of(student: ResNet, images: Tensor) -> View:
    """Run a ResNet; return its logits with the features of its four stages."""
    x = student.maxpool(student.relu(student.bn1(student.conv1(images))))  # [N, 64, H/4, W/4]
    features = []
    for stage in (student.layer1, student.layer2, student.layer3, student.layer4):
        x = stage(x)
        features.append(x)
    return View(student.fc(x.mean(dim=(2, 3))), tuple(features))
