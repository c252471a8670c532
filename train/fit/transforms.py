"""Random transforms of training photos: one list of torchvision transforms per recipe.

The evaluation has no transform of its own: it uses `classifier.images`, as the handler does.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from PIL import Image, ImageFilter
from torchvision.transforms import v2

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from torch import Tensor

    from classifier.description import Preprocessing
    from train.recipe import Recipe

_CROP_STEP = 32  # the stride of most networks: any other size wastes a border
_EVERY_SECOND = 0.5
_BILINEAR = Image.Resampling.BILINEAR
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
        steps.append(
            v2.RandomApply([partial(downscaled, least=recipe.downscale_min)], p=_EVERY_SECOND)
        )
    if recipe.blur:
        steps.append(v2.RandomApply([partial(blurred, most=recipe.blur)], p=_EVERY_SECOND))
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


def downscaled(image: Image.Image, least: float) -> Image.Image:
    """Scale an image down by a random factor in `least`..1 and up again, as a thumbnail looks."""
    factor = float(torch.empty(()).uniform_(least, 1.0))
    width, height = image.size
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    return image.resize(small, _BILINEAR).resize((width, height), _BILINEAR)


def blurred(image: Image.Image, most: float) -> Image.Image:
    """Blur an image with a random standard deviation in 0..`most` pixels.

    With Pillow, which is much faster than torchvision for large ones.
    """
    return image.filter(ImageFilter.GaussianBlur(float(torch.empty(()).uniform_(0.0, most))))


def crop_of_batch(recipe: Recipe, epoch: int, chance: random.Random) -> int:
    """Return the side of a batch's crops in pixels: the epoch's, or any of the recipe's."""
    if recipe.crop_mixed:
        return chance.choice(range(recipe.crop_first, recipe.crop_last + 1, _CROP_STEP))
    return crop_of_epoch(recipe, epoch)


def crop_of_epoch(recipe: Recipe, epoch: int) -> int:
    """Return the side of the largest training crops in pixels.

    It grows in steps of equal duration, unless crops are mixed.
    """
    if recipe.crop_mixed:
        return recipe.crop_last
    steps = (recipe.crop_last - recipe.crop_first) // _CROP_STEP + 1
    return min(recipe.crop_first + _CROP_STEP * (epoch * steps // recipe.epochs), recipe.crop_last)
