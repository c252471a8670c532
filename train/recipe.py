"""A training recipe: every choice that determines the weights, read from a TOML file.

A setting stands in two places: its field in `Recipe` has the type and the range, its line in
`config/train.toml` the value and the reason for it. One with a default may be missing in other
recipes, in those of older models and in older checkpoints.
The locations of photos and results are not part of it.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

from classifier.architectures import check_architecture
from classifier.description import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INTERPOLATIONS,
    Preprocessing,
)
from classifier.errors import ModelError
from train.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECIPE_FILE = "recipe.toml"


class Within(NamedTuple):
    """The smallest and the largest value of a setting."""

    least: float
    most: float


class OneOf(NamedTuple):
    """The values of a setting; it may be the path of a folder besides, where that is said."""

    choices: tuple[str, ...]
    or_folder: bool = False


# EfficientNet-Lites, whose ImageNet weights come with packages.
TEACHERS = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
# With another value a training goes on from its checkpoint: how fast it is may differ, or what is
# made of its weights, but not what it learns.
MAY_CHANGE = "may change"


@dataclass(frozen=True)
class Recipe:
    """The settings of a training; see `config/train.toml` for the reason of each value."""

    # What reports call the recipe.
    name: Annotated[str, MAY_CHANGE]
    # Name of the network, of torchvision or timm; see `classifier.architectures`.
    arch: str
    # Initial weights; "starter" is the network's model in `pretrained/`, a folder such as
    # "./artifacts" one that a training wrote.
    init: Annotated[str, OneOf(("imagenet", "starter", "scratch"), or_folder=True)]
    # Passes over the training photos.
    epochs: Annotated[int, Within(1, 10_000)]
    # Photos a step; batch normalisation learns nothing from a single one.
    batch_size: Annotated[int, Within(2, 65_536)]
    optimizer: Annotated[str, OneOf(("adam", "adamw"))]
    # Learning rate; its peak where the schedule varies it.
    lr: Annotated[float, Within(1e-9, 10)]
    # Of convolutions and the head; biases and normalisation have none.
    weight_decay: Annotated[float, Within(0, 1)]
    # Of the learning rate; "one-cycle" is a warm-up, then a cosine to 0.
    schedule: Annotated[str, OneOf(("constant", "one-cycle"))]
    # Share of the target that is spread over all classes.
    label_smoothing: Annotated[float, Within(0, 0.9)]
    # Alpha of the Beta distribution that photos are blended with; 0 is off.
    mixup: Annotated[float, Within(0, 10)]
    # Smallest share of a photo's area that a random crop keeps.
    crop_scale_min: Annotated[float, Within(0.01, 1)]
    # Mirror every second photo.
    flip: bool
    # Largest relative change of brightness, contrast and saturation; 0 is off.
    color_jitter: Annotated[float, Within(0, 1)]
    # One random operation of TrivialAugment on each photo.
    trivial_augment: bool
    # Probability that a rectangle of a photo is blanked; 0 is off.
    random_erasing: Annotated[float, Within(0, 1)]
    # Side of the random crops in the first epoch, in pixels, and in the last one.
    crop_first: Annotated[int, Within(32, 1024)]
    crop_last: Annotated[int, Within(32, 1024)]
    # Of the moving average of weights that is evaluated and kept; 0 is off.
    ema_decay: Annotated[float, Within(0, 0.99999)]
    # Network to learn from beside the labels; a folder such as "./artifacts" holds one that has
    # learned these classes, any other is fine-tuned first.
    teacher: Annotated[str, OneOf(("none", *TEACHERS), or_folder=True)]
    # Passes over the training photos that fine-tune the teacher first.
    teacher_epochs: Annotated[int, Within(1, 10_000)]
    # Share of the teacher's probabilities in the loss on labels.
    distil_labels: Annotated[float, Within(0, 1)]
    # Weight of the difference between the features of teacher and student.
    distil_features: Annotated[float, Within(0, 1000)]
    # Fit a temperature to the validation photos, and fold it into the last layer.
    calibrate: Annotated[bool, MAY_CHANGE]
    # Of the arithmetic in training; "bf16" is autocast.
    precision: Annotated[str, OneOf(("fp32", "bf16"))]
    # Memory layout NHWC, faster on most hardware.
    channels_last: bool
    # Of everything random.
    seed: Annotated[int, Within(0, 2**32 - 1)]
    # Processes that read and transform photos; 0 reads in the training process.
    workers: Annotated[int, Within(0, 64), MAY_CHANGE]
    # Short side, in pixels, at which photos are decoded once and kept in a cache; 0 decodes them in
    # every epoch, at their full size.
    cached_side: Annotated[int, Within(0, 4096)] = 0
    # Train the head alone; the rest keeps its weights and its statistics.
    frozen: bool = False
    # Probability that a crop is turned by 90, 180 or 270 degrees; 0 is off.
    quarter_turns: Annotated[float, Within(0, 1)] = 0.0
    # Smallest factor by which every second crop is scaled down, and up again; 1 is off.
    downscale_min: Annotated[float, Within(0.05, 1)] = 1.0
    # Largest standard deviation of a Gaussian blur of every second crop, in its pixels; 0 is off.
    blur: Annotated[float, Within(0, 20)] = 0.0
    # Draw the side of each batch's crops from `crop_first`..`crop_last`, in steps of 32 px, instead
    # of growing it: one file of weights then serves all of these sizes.
    crop_mixed: bool = False
    # How photos are evaluated and served: the short side after resizing and the side of the centre
    # crop, which is the network's input, in pixels; see `classifier.description.Preprocessing`.
    resize: Annotated[int, Within(32, 4096)] = 256
    crop: Annotated[int, Within(32, 4096)] = 224
    # Resize both sides, whatever the photo's shape.
    squash: bool = False
    interpolation: Annotated[str, OneOf(INTERPOLATIONS)] = "bilinear"
    # Of each channel, of values in 0..1; in training too.
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    # How evenly classes are drawn: 0 draws every photo once in an epoch, 1 all classes equally
    # often, values between in proportion to their number of photos to the power of 1 - balance.
    balance: Annotated[float, Within(0, 1)] = 0.0
    # Stop after this many epochs without a better validation accuracy; 0 never stops.
    patience: Annotated[int, Within(0, 10_000), MAY_CHANGE] = 0
    # Photos computed at a time, if `batch_size` does not fit into memory; their gradients add up
    # to those of the batch. 0 computes whole batches.
    micro_batch: Annotated[int, Within(0, 65_536)] = 0
    # Learning rate of the first layers, as a share of `lr`, which the last layer has; those between
    # follow geometrically.
    lr_first: Annotated[float, Within(1e-4, 1)] = 1.0

    def __post_init__(self) -> None:
        try:
            check_architecture(self.arch)
        except ModelError as error:
            raise RecipeError(f"arch: {error}") from error
        for name, hint in _hints(type(self)).items():
            for limit in getattr(hint, "__metadata__", ()):
                _check_value(name, getattr(self, name), limit)
        try:
            _ = self.preprocessing
        except ModelError as error:
            raise RecipeError(str(error)) from error
        if self.micro_batch == 1:
            raise RecipeError("micro_batch must be 0 or at least 2, found 1")
        if self.crop_last < self.crop_first:
            raise RecipeError(f"crop_last must be at least crop_first, found {self.crop_last}")
        if 0 < self.cached_side < self.crop_last:
            raise RecipeError(
                f"cached_side must be 0 or at least crop_last ({self.crop_last}), "
                f"found {self.cached_side}"
            )

    @property
    def preprocessing(self) -> Preprocessing:
        """How photos are evaluated; it goes with the weights, to be served by."""
        names = {each.name for each in dataclasses.fields(Preprocessing)} & set(vars(self))
        return Preprocessing(**{name: getattr(self, name) for name in names})


def _check_value(name: str, value: Any, limit: object) -> None:
    match limit:
        case Within(least, most) if not least <= value <= most:
            raise RecipeError(f"{name} must be in {least:g}..{most:g}, found {value!r}")
        case OneOf(choices, or_folder) if value not in choices and not (or_folder and "/" in value):
            folder = ", or a folder such as ./artifacts" if or_folder else ""
            raise RecipeError(
                f"{name} must be one of {', '.join(choices)}{folder}; found {value!r}"
            )


def _hints(kind: type[Recipe]) -> dict[str, Any]:
    """Return the annotation of each setting, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {each.name: hints[each.name] for each in dataclasses.fields(kind)}


def _types(kind: type[Recipe]) -> dict[str, type]:
    """Return the type of each setting."""
    return {name: getattr(hint, "__origin__", hint) for name, hint in _hints(kind).items()}


def read_recipe(path: Path, overrides: Iterable[str] = (), kind: type[Recipe] = Recipe) -> Recipe:
    """Read a recipe of a kind, and apply overrides such as ``lr=1e-3``.

    Raises:
        RecipeError: The file is missing or no TOML, a setting is unknown, missing, of the wrong
            type or out of range.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error}") from error
    try:
        changes = dict(_parse_override(text, kind) for text in overrides)
        return to_recipe({**settings, **changes}, kind)
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error


def to_recipe(settings: Mapping[str, Any], kind: type[Recipe] = Recipe) -> Recipe:
    """Build a recipe from names and typed values; the opposite of `dataclasses.asdict`.

    Raises:
        RecipeError: A setting is unknown, missing, of the wrong type or out of range.
    """
    for name in settings:
        _check_known(name, kind)
    known = {each.name: each for each in dataclasses.fields(kind)}
    missing = [
        name
        for name, each in known.items()
        if each.default is dataclasses.MISSING and name not in settings
    ]
    if missing:
        raise RecipeError(f"missing settings: {', '.join(missing)}")
    return kind(**{name: _typed(name, value, kind) for name, value in settings.items()})


def recipe_text(recipe: Recipe) -> str:
    """Format a recipe as TOML; `read_recipe` gives back an equal one."""
    # JSON's strings, numbers and booleans are TOML's too; a float keeps its point.
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in dataclasses.asdict(recipe).items()
    )


def differences(stored: Mapping[str, Any], recipe: Recipe) -> list[str]:
    """Tell how settings that were stored differ from a recipe, in what a training learns by.

    Args:
        stored: Names and values; what is missing had its default, or did not exist yet.
        recipe: The recipe.
    """
    hints = _hints(type(recipe))
    defaults = {each.name: each.default for each in dataclasses.fields(recipe)}
    wanted = dataclasses.asdict(recipe)
    return [
        f"{name} {before!r} -> {wanted.get(name)!r}"
        for name in sorted(stored.keys() | wanted.keys())
        if (before := stored.get(name, defaults.get(name))) != wanted.get(name)
        and MAY_CHANGE not in getattr(hints.get(name), "__metadata__", ())
    ]


def _parse_override(text: str, kind: type[Recipe]) -> tuple[str, Any]:
    name, separator, value = (part.strip() for part in text.partition("="))
    if not separator:
        raise RecipeError(f"--set {text}: expected name=value, such as lr=1e-3")
    _check_known(name, kind)
    wanted = _types(kind)[name]
    if wanted is str:
        return name, value
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"--set {text}: {value!r} is no {wanted.__name__}") from error


def _check_known(name: str, kind: type[Recipe]) -> None:
    known = _types(kind)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        raise RecipeError(f"unknown setting {name!r}; {hint}")


def _typed(name: str, value: object, kind: type[Recipe]) -> Any:
    wanted = _types(kind)[name]
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is tuple and isinstance(value, list | tuple):
        if all(type(one) in (int, float) for one in value):
            return tuple(float(one) for one in value)
        raise RecipeError(f"{name} must be a list of numbers, found {value!r}")
    if type(value) is not wanted:
        raise RecipeError(f"{name} must be of type {wanted.__name__}, found {value!r}")
    return value
