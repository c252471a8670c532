"""What chance does to a training photo: one list of torchvision transforms for a recipe.

The evaluation has no transform of its own: it uses `classifier.images`, as the handler does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from PIL import Image, ImageFilter
from torchvision.transforms import v2

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from classifier.description import Preprocessing
    from train.recipe import Recipe

_CROP_STEP = 32  # the stride of most networks: any other size wastes a border
_EVERY_SECOND = 0.5
_QUARTERS = (90, 180, 270)  # degrees


def training_transform(
    recipe: Recipe, crop: int, preprocessing: Preprocessing
) -> Callable[[Image.Image], Tensor]:
    """Build the transform from an RGB image to the network's input, float32 [3, crop, crop]."""
    steps: list[object] = [v2.RandomResizedCrop(crop, scale=(recipe.crop_scale_min, 1.0))]
    if recipe.flip:
        steps.append(v2.RandomHorizontalFlip())
    if recipe.quarter_turns:
        turns = v2.RandomChoice([v2.RandomRotation((degrees, degrees)) for degrees in _QUARTERS])
        steps.append(v2.RandomApply([turns], p=recipe.quarter_turns))
    if recipe.downscale_min < 1:
        steps.append(v2.RandomApply([RandomDownscale(recipe.downscale_min)], p=_EVERY_SECOND))
    if recipe.blur:
        steps.append(v2.RandomApply([RandomBlur(recipe.blur)], p=_EVERY_SECOND))
    if recipe.trivial_augment:
        steps.append(v2.TrivialAugmentWide())
    if recipe.color_jitter:
        steps.append(v2.ColorJitter(*[recipe.color_jitter] * 3))
    steps += [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(preprocessing.mean, preprocessing.std),
    ]
    if recipe.random_erasing:
        steps.append(v2.RandomErasing(recipe.random_erasing))
    transform: Callable[[Image.Image], Tensor] = v2.Compose(steps)
    return transform


class RandomDownscale(v2.Transform):
    """Scales an image down and up again, as a thumbnail that is shown larger.

    Args:
        least: Smallest factor, in 0..1; factors are uniform in `least`..1.
    """

    def __init__(self, least: float) -> None:
        super().__init__()
        self.least = least

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the factor."""
        _ = flat_inputs
        return {"factor": float(torch.empty(()).uniform_(self.least, 1.0))}

    def transform(self, inpt: Image.Image, params: dict[str, Any]) -> Image.Image:
        """Scale an image of any mode; its size stays."""
        width, height = inpt.size
        small = (max(1, round(width * params["factor"])), max(1, round(height * params["factor"])))
        bilinear = Image.Resampling.BILINEAR
        return inpt.resize(small, bilinear).resize((width, height), bilinear)


class RandomBlur(v2.Transform):
    """Blurs an image as Pillow does, which is much faster than torchvision for large radii.

    Args:
        most: Largest standard deviation in pixels; they are uniform in 0..`most`.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the standard deviation."""
        _ = flat_inputs
        return {"sigma": float(torch.empty(()).uniform_(0.0, self.most))}

    def transform(self, inpt: Image.Image, params: dict[str, Any]) -> Image.Image:
        """Blur an image."""
        return inpt.filter(ImageFilter.GaussianBlur(params["sigma"]))


def crop_of_epoch(recipe: Recipe, epoch: int) -> int:
    """Return the side of the training crops in pixels: it grows in steps of equal duration."""
    steps = (recipe.crop_last - recipe.crop_first) // _CROP_STEP + 1
    return min(recipe.crop_first + _CROP_STEP * (epoch * steps // recipe.epochs), recipe.crop_last)
