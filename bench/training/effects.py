"""Estimates each setting's effect, with its uncertainty, from the trainings' answers.

Two things blur the difference between two accuracies: the choice of the measured photos, and chance
in training: the initial weights, the order of the photos, the crops. Trainings of one recipe that
differ only in their seed show how large the second one is; the interval includes both.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from console.tables import table
from train.markdown import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from train.recipe import Recipe

    Right = NDArray[np.bool_]  # [seeds, photos]

_Z95 = 1.959964  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Effect:
    """The effect of changed settings on the accuracy; shares are 0..1.

    Attributes:
        before: The settings in the base.
        after: The changed settings.
        accuracy: With the change; the mean over the seeds.
        difference: Difference from the base's accuracy; below 0 if the base is better.
        ci95: 95 % confidence interval of the difference.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    accuracy: float
    difference: float
    ci95: tuple[float, float]

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return not self.ci95[0] <= 0 <= self.ci95[1]


@dataclass(frozen=True)
class Effects:
    """All effects on one base.

    Attributes:
        accuracies: The base's accuracy with each seed, 0..1.
        photos: Number of measured photos.
        deviation: Standard deviation of a recipe's accuracy from seed to seed.
        all: The effect of each change.
    """

    accuracies: tuple[float, ...]
    photos: int
    deviation: float
    all: tuple[Effect, ...]


def effects(base: Recipe, right: Right, changed: Mapping[Recipe, Right]) -> Effects:
    """Compare trainings with the base's.

    Args:
        base: The recipe of the base.
        right: Whether each of its trainings, at least two, is right about each photo.
        changed: The same for other recipes, of which one training is enough.
    """
    deviation = _deviation([right, *changed.values()])
    found = []
    for recipe, answers in changed.items():
        before, after = _settings(base, recipe)
        gain = answers.mean(axis=0) - right.mean(axis=0)  # per photo, -1..1
        chance = deviation**2 * (1 / len(answers) + 1 / len(right))
        half = _Z95 * math.sqrt(gain.var(ddof=1) / len(gain) + chance)
        difference = float(gain.mean())
        ci95 = (difference - half, difference + half)
        found.append(Effect(before, after, float(answers.mean()), difference, ci95))
    accuracies = tuple(right.mean(axis=1).tolist())
    return Effects(accuracies, right.shape[1], deviation, tuple(found))


def _deviation(groups: Iterable[Right]) -> float:
    """Pool the standard deviation of accuracies within groups that differ only in the seed."""
    squares, degrees = 0.0, 0
    for answers in groups:
        accuracies = answers.mean(axis=1)
        squares += float(((accuracies - accuracies.mean()) ** 2).sum())
        degrees += len(accuracies) - 1
    return math.sqrt(squares / degrees)


def as_dict(found: Effects, base: Recipe) -> dict[str, Any]:
    """Return all figures by name."""
    return {"recipe": dataclasses.asdict(base)} | dataclasses.asdict(found)


def markdown(found: Effects, base: Recipe, images: int, machine: Mapping[str, Any]) -> str:
    """Format the effects as a page.

    Args:
        found: The effects.
        base: The unchanged recipe.
        images: Number of training photos.
        machine: The machine, from `bench.lab.machine`.
    """
    rows = [
        (
            _text(effect.before),
            _text(effect.after),
            percent(effect.accuracy),
            f"**{_points(effect.difference)}**" if effect.is_clear else _points(effect.difference),
            "{} to {}".format(*map(_points, effect.ci95)),
        )
        for effect in found.all
    ]
    header = ("in the recipe", "instead", "accuracy", "points", "95 % interval")
    crops = f"crops of {base.crop_first} to {base.crop_last} pixels"
    mean = percent(float(np.mean(found.accuracies)))
    each = ", ".join(map(percent, found.accuracies))
    return f"""# What each switch is worth

Measured by `python -m bench.training.ablation` with small trainings, each with one line changed.
Each trains on {images:,} photos and is measured on {found.photos:,} others.
The network is a {base.arch} from random weights, with {base.epochs} epochs and {crops}.
They ran on {machine["cores"]} cores of {machine["cpu"]}.

The unchanged recipe reaches {mean}: the mean of {each} with {len(found.accuracies)} seeds.
Chance alone gives trainings a standard deviation of {100 * found.deviation:.1f} points.

{table(header, rows)}
Below 0, the recipe's own value is better.
The interval includes that chance, and the choice of photos.
Effects in bold differ significantly from 0.
Of {len(found.all)} rows, chance alone would make {0.05 * len(found.all):.1f} bold.
Large effects carry over to longer trainings.
Stronger augmentation and slower learning are worth more there than here.
"""


def _settings(base: Recipe, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that differ, with the values of each recipe."""
    before, after = dataclasses.asdict(base), dataclasses.asdict(recipe)
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _text(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name} = {json.dumps(value)}`" for name, value in settings.items())


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
