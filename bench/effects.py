"""From right and wrong answers of trainings to the effect of each setting, and how sure it is.

Each training is compared with the base's of the same seed, photo by photo. Two things blur the
difference: which photos were asked about, and what chance did to the trainings. The interval counts
both, the second one only where there are several seeds to see it by.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from train.markdown import percent, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from train.recipe import Recipe

    Right = NDArray[np.bool_]  # [seeds, photos]

_Z95 = 1.959964  # 97.5 % quantile of the normal distribution


@dataclass(frozen=True)
class Effect:
    """What changing settings does to the accuracy; shares are 0..1.

    Attributes:
        before: The settings as the base has them.
        after: As they were changed to.
        accuracy: With the change; the mean over the seeds.
        difference: To the base's accuracy; below 0 where the base is better.
        ci95: 95 % confidence interval of the difference.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    accuracy: float
    difference: float
    ci95: tuple[float, float]

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves no effect at all out."""
        return not self.ci95[0] <= 0 <= self.ci95[1]


@dataclass(frozen=True)
class Effects:
    """All effects on one base.

    Attributes:
        accuracies: The base's with each seed, 0..1.
        photos: How many were asked about.
        deviation: Standard deviation of a difference between seeds; None if there is one seed.
        all: Of each change.
    """

    accuracies: tuple[float, ...]
    photos: int
    deviation: float | None
    all: tuple[Effect, ...]


def effects(base: Recipe, right: Right, changed: Mapping[Recipe, Right]) -> Effects:
    """Compare trainings with the base's.

    Args:
        base: The recipe of the base.
        right: Whether each of its trainings is right about each photo.
        changed: The same for other recipes.
    """
    gains = {
        recipe: answers.astype(float) - right.astype(float) for recipe, answers in changed.items()
    }  # [seeds, photos] each, of -1, 0 and 1
    seeds, photos = right.shape
    variances = [gain.mean(axis=1).var(ddof=1) for gain in gains.values()] if seeds > 1 else []
    variance = float(np.mean(variances)) if variances else 0.0
    found = []
    for recipe, gain in gains.items():
        before, after = _settings(base, recipe)
        difference = float(gain.mean())
        error = math.sqrt(gain.mean(axis=0).var(ddof=1) / photos + variance / seeds)
        ci95 = (difference - _Z95 * error, difference + _Z95 * error)
        found.append(Effect(before, after, float(changed[recipe].mean()), difference, ci95))
    accuracies = tuple(right.mean(axis=1).tolist())
    deviation = math.sqrt(variance) if variances else None
    return Effects(accuracies, photos, deviation, tuple(found))


def as_dict(found: Effects, base: Recipe) -> dict[str, Any]:
    """Return all figures by name."""
    return {"recipe": dataclasses.asdict(base)} | dataclasses.asdict(found)


def markdown(found: Effects, base: Recipe, images: int, machine: Mapping[str, Any]) -> str:
    """Format the effects as a page.

    Args:
        found: The effects.
        base: The recipe that was changed.
        images: How many photos were learned from.
        machine: What was trained on, from `bench.machine`.
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
    seeds = len(found.accuracies)
    return f"""# What each switch is worth

By `python -m bench.ablation`: small trainings of {images:,} photos, measured on {found.photos:,}
others, each with one line of the recipe changed.
A {base.arch} from random weights, {base.epochs} epochs, crops of {base.crop_first} to
{base.crop_last} pixels; on {machine["cores"]} cores of {machine["cpu"]}.
Accuracy of the recipe as it is: {" and ".join(map(percent, found.accuracies))}
({seeds} {"seed" if seeds == 1 else "seeds"}).

{table(header, rows)}
Below 0, the recipe's own value is better.
{_doubt(found)}
Large effects carry over to longer trainings; what strengthens the augmentation or slows the
learning is worth more there than here.
"""


def _doubt(found: Effects) -> str:
    photos = "The interval counts which photos were asked about"
    bold = "In bold is what it tells from 0"
    if found.deviation is None:
        return (
            f"{photos}, but not what chance does to a training.\n"
            f"{bold}; another `seed` changes nothing but chance, so what is no larger than those "
            "rows means nothing."
        )
    return (
        f"{photos}, and what chance does to trainings: from seed to seed a difference varies with\n"
        f"a standard deviation of {100 * found.deviation:.1f} points.\n"
        f"{bold}; of {len(found.all)} rows, chance alone would do so to "
        f"{0.05 * len(found.all):.1f}."
    )


def _settings(base: Recipe, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that differ, as they are in each."""
    before, after = dataclasses.asdict(base), dataclasses.asdict(recipe)
    names = [name for name in before if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _text(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name} = {json.dumps(value)}`" for name, value in settings.items())


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"
