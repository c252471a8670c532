"""A training recipe: every choice that decides what weights come out, read from a TOML file.

Where photos come from and results go to is no part of it.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.architectures import check_architecture
from classifier.errors import ModelError
from train.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECIPE_FILE = "recipe.toml"


@dataclass(frozen=True)
class Recipe:
    """The settings of a training; see `config/train.toml` for the reason of each value.

    Attributes:
        name: What reports call the recipe.
        arch: Name of the network, of torchvision or timm; see `classifier.architectures`.
        init: Initial weights; "imagenet", "starter" (the model in `pretrained/`), "scratch", or the
            path of a folder that a training wrote, such as "./artifacts".
        epochs: Passes over the training photos.
        batch_size: Photos a step.
        optimizer: "adam" or "adamw".
        lr: Learning rate; its peak where the schedule varies it.
        weight_decay: Of convolutions and the head; biases and normalisation have none.
        schedule: Of the learning rate; "constant" or "one-cycle" (warm-up, then cosine to 0).
        label_smoothing: Share of the target that is spread over all classes, 0..1.
        mixup: Alpha of the Beta distribution that photos are blended with; 0 is off.
        crop_scale_min: Smallest share of a photo's area that a random crop keeps, 0..1.
        flip: Mirror every second photo.
        color_jitter: Largest relative change of brightness, contrast and saturation; 0 is off.
        trivial_augment: One random operation of TrivialAugment on each photo.
        random_erasing: Probability that a rectangle of a photo is blanked; 0 is off.
        crop_first: Side of the random crops in the first epoch, in pixels.
        crop_last: Side of the random crops in the last epoch; grows in steps of 32 pixels.
        ema_decay: Of the moving average of weights that is evaluated and kept; 0 is off.
        teacher: Network to learn from beside the labels; "efficientnet-lite0" or "none".
        teacher_epochs: Passes over the training photos that fine-tune the teacher first.
        distil_labels: Share of the teacher's probabilities in the loss on labels, 0..1.
        distil_features: Weight of the difference between the features of teacher and student.
        calibrate: Fit a temperature to the validation photos, and fold it into the last layer.
        precision: Of the arithmetic in training; "fp32" or "bf16" (autocast).
        channels_last: Memory layout NHWC, faster on most hardware.
        seed: Of everything random.
        workers: Processes that read and transform photos; 0 reads in the training process.
        cached_side: Short side, in pixels, at which photos are decoded once and kept in a cache;
            0 decodes them in every epoch, at their full size.
    """

    name: str
    arch: str
    init: str
    epochs: int
    batch_size: int
    optimizer: str
    lr: float
    weight_decay: float
    schedule: str
    label_smoothing: float
    mixup: float
    crop_scale_min: float
    flip: bool
    color_jitter: float
    trivial_augment: bool
    random_erasing: float
    crop_first: int
    crop_last: int
    ema_decay: float
    teacher: str
    teacher_epochs: int
    distil_labels: float
    distil_features: float
    calibrate: bool
    precision: str
    channels_last: bool
    seed: int
    workers: int
    cached_side: int = 0  # so that recipes from before there was a cache can be read

    def __post_init__(self) -> None:
        try:
            check_architecture(self.arch)
        except ModelError as error:
            raise RecipeError(f"arch: {error}") from error
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise RecipeError(
                    f"{name} must be in {least:g}..{most:g}, found {getattr(self, name)!r}"
                )
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices and not (name == "init" and "/" in value):
                folder = ", or a folder such as ./artifacts" if name == "init" else ""
                raise RecipeError(
                    f"{name} must be one of {', '.join(choices)}{folder}; found {value!r}"
                )
        if self.crop_last < self.crop_first:
            raise RecipeError(f"crop_last must be at least crop_first, found {self.crop_last}")
        if 0 < self.cached_side < self.crop_last:
            raise RecipeError(
                f"cached_side must be 0 or at least crop_last ({self.crop_last}), "
                f"found {self.cached_side}"
            )


_CHOICES = {
    "init": ("imagenet", "starter", "scratch"),
    "optimizer": ("adam", "adamw"),
    "schedule": ("constant", "one-cycle"),
    "teacher": ("none", "efficientnet-lite0"),
    "precision": ("fp32", "bf16"),
}
_RANGES = {
    "epochs": (1, 10_000),
    "batch_size": (1, 65_536),
    "lr": (1e-9, 10),
    "weight_decay": (0, 1),
    "label_smoothing": (0, 0.9),
    "mixup": (0, 10),
    "crop_scale_min": (0.01, 1),
    "color_jitter": (0, 1),
    "random_erasing": (0, 1),
    "crop_first": (32, 1024),
    "crop_last": (32, 1024),
    "ema_decay": (0, 0.99999),
    "teacher_epochs": (1, 10_000),
    "distil_labels": (0, 1),
    "distil_features": (0, 1000),
    "seed": (0, 2**32 - 1),
    "workers": (0, 64),
    "cached_side": (0, 4096),
}
_TYPES = {
    field.name: {"str": str, "int": int, "float": float, "bool": bool}[str(field.type)]
    for field in dataclasses.fields(Recipe)
}
_REQUIRED = [
    field.name for field in dataclasses.fields(Recipe) if field.default is dataclasses.MISSING
]


def read_recipe(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe and apply overrides such as ``lr=1e-3``.

    Raises:
        RecipeError: The file is missing or no TOML, a setting is unknown, missing, of the wrong
            type or out of range.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error}") from error
    try:
        return to_recipe({**settings, **dict(_parse_override(text) for text in overrides)})
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def to_recipe(settings: Mapping[str, Any]) -> Recipe:
    """Build a recipe from names and typed values; the opposite of `dataclasses.asdict`.

    Raises:
        RecipeError: A setting is unknown, missing, of the wrong type or out of range.
    """
    for name in settings:
        _check_known(name)
    missing = [name for name in _REQUIRED if name not in settings]
    if missing:
        raise RecipeError(f"missing settings: {', '.join(missing)}")
    return Recipe(**{name: _typed(name, value) for name, value in settings.items()})


def recipe_text(recipe: Recipe) -> str:
    """Format a recipe as TOML; `read_recipe` gives back an equal one."""
    # JSON's strings, numbers and booleans are TOML's too; a float keeps its point.
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in dataclasses.asdict(recipe).items()
    )


def _parse_override(text: str) -> tuple[str, Any]:
    name, separator, value = (part.strip() for part in text.partition("="))
    if not separator:
        raise RecipeError(f"--set {text}: expected name=value, such as lr=1e-3")
    _check_known(name)
    if _TYPES[name] is str:
        return name, value
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"--set {text}: {value!r} is no {_TYPES[name].__name__}") from error


def _check_known(name: str) -> None:
    if name not in _TYPES:
        close = difflib.get_close_matches(name, _TYPES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(_TYPES)}"
        raise RecipeError(f"unknown setting {name!r}; {hint}")


def _typed(name: str, value: object) -> Any:
    wanted = _TYPES[name]
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise RecipeError(f"{name} must be of type {wanted.__name__}, found {value!r}")
    return value
