"""What each setting does to a training photo."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from train.fit.transforms import training_transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from train.recipe import Recipe

SIDE = 64
NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def transformed(recipe: Recipe, seed: int, **changes: object) -> NDArray[np.float32]:
    """Return noise as the network gets it, [SIDE, SIDE, 3], with nothing but the changes."""
    plain = dataclasses.replace(
        recipe,
        crop_scale_min=1.0,
        flip=False,
        color_jitter=0.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
    recipe = dataclasses.replace(plain, **changes)  # type: ignore[arg-type]
    torch.manual_seed(seed)
    pixels = training_transform(recipe, SIDE, recipe.preprocessing)(Image.fromarray(NOISE))
    assert pixels.shape == (3, SIDE, SIDE)
    found: NDArray[np.float32] = pixels.permute(1, 2, 0).numpy()
    return found


def roughness(pixels: NDArray[np.float32]) -> float:
    """Return the mean difference between neighbours."""
    return float(np.abs(np.diff(pixels, axis=0)).mean())


def test_quarter_turns_are_exact_and_of_all_three_kinds(tiny_recipe: Recipe) -> None:
    # Of an aspect ratio that differs from 1, the crop would not be the whole picture.
    whole = [transformed(tiny_recipe, seed) for seed in range(40)]
    turned = [transformed(tiny_recipe, seed, quarter_turns=1.0) for seed in range(40)]
    found = set()
    for before, after in zip(whole, turned, strict=True):
        kinds = [k for k in (1, 2, 3) if np.array_equal(np.rot90(before, k), after)]
        found.update(kinds)
        assert kinds
    assert found == {1, 2, 3}


@pytest.mark.parametrize("change", [{"blur": 4.0}, {"downscale_min": 0.1}], ids=str)
def test_blur_and_downscaling_smooth_about_every_second_photo(
    tiny_recipe: Recipe, change: dict[str, float]
) -> None:
    whole = [roughness(transformed(tiny_recipe, seed)) for seed in range(60)]
    smooth = [roughness(transformed(tiny_recipe, seed, **change)) for seed in range(60)]
    touched = sum(after < 0.9 * before for before, after in zip(whole, smooth, strict=True))
    assert 15 <= touched <= 45
    assert min(smooth) < 0.3 * min(whole)
