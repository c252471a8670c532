"""The preprocessing of an imported model: the network's default, and what the user overrides.

A weights file does not record it. torchvision's weights, timm's and the tutorials'
`Resize((224, 224))` differ, and a wrong choice costs a few points of accuracy or all of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archive.errors import ModelImportError
from classifier.architectures import default_preprocessing
from classifier.description import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INTERPOLATIONS,
    Preprocessing,
)
from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Normalisation = tuple[tuple[float, ...], tuple[float, ...]]

_HALF = (0.5, 0.5, 0.5)
_BYTE = (1 / 255,) * 3
# The usual ways to normalise: ImageNet's, to -1..1 (Inception, ViT), and none.
NORMALISATIONS = ((IMAGENET_MEAN, IMAGENET_STD), (_HALF, _HALF), ((0.0,) * 3, (1.0,) * 3))
# 0..255, by itself or less the means, as Keras's networks take them; only ONNX files come so.
BYTES = ((0.0,) * 3, _BYTE)
_CAFFE = ((123.68 / 255, 116.779 / 255, 103.939 / 255), _BYTE)
ONNX_NORMALISATIONS = (*NORMALISATIONS, BYTES, _CAFFE)
_CROP_SHARES = (224 / 256, 0.95)  # torchvision's and timm's usual ones


@dataclass(frozen=True)
class Wishes:
    """What the user specifies of the preprocessing; None for the network's default."""

    resize: int | None = None
    crop: int | None = None
    interpolation: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    squash: bool | None = None
    bgr: bool | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `Wishes`."""
    group = parser.add_argument_group("preprocessing", "by default, the network's own")
    group.add_argument("--resize", type=int, metavar="PIXELS", help="of the short side")
    group.add_argument("--crop", type=int, metavar="PIXELS", help="side of the centre crop")
    group.add_argument("--interpolation", choices=INTERPOLATIONS)
    group.add_argument("--mean", type=_three, metavar="R,G,B", help="of values in 0..1")
    group.add_argument("--std", type=_three, metavar="R,G,B", help="of values in 0..1")
    group.add_argument(
        "--squash",
        action="store_true",
        default=None,
        help="resize to a square, as Resize((224, 224)) does",
    )
    group.add_argument("--no-squash", action="store_false", dest="squash", help="keep its shape")
    group.add_argument(
        "--bgr",
        action=argparse.BooleanOptionalAction,
        help="of an ONNX file: it takes B, G, R; mean and std stay R,G,B",
    )


def wishes_from(options: argparse.Namespace) -> Wishes:
    """Return the wishes in parsed options."""
    names = [field.name for field in dataclasses.fields(Wishes)]
    return Wishes(**{name: getattr(options, name) for name in names})


def choose(arch: str, wishes: Wishes, beside: Mapping[str, Any]) -> tuple[Preprocessing, str]:
    """Return the preprocessing, and its source in words.

    Args:
        arch: The network's name.
        wishes: What the user specifies.
        beside: timm's `pretrained_cfg` from a `config.json`; empty if there is none.

    Raises:
        ModelImportError: The values contradict each other, or the network has no default.
    """
    if wishes.bgr is not None:
        raise ModelImportError("--bgr is for ONNX files: weights of PyTorch are served as R, G, B")
    source = f"the default of {arch}"
    try:
        default = default_preprocessing(arch)
    except ModelError as error:
        if wishes.crop is None:
            raise ModelImportError(f"{error}; say --crop and --resize") from error
        default = Preprocessing(resize=wishes.crop, crop=wishes.crop)
    try:
        if beside:
            default, source = _from_timm(beside, default), "that of config.json"
    except (ModelError, TypeError, ValueError) as error:
        raise ModelImportError(f"preprocessing: config.json: {error}") from error
    return settle(default, source, wishes)


def settle(default: Preprocessing, source: str, wishes: Wishes) -> tuple[Preprocessing, str]:
    """Return a default with the user's wishes instead, and the source of both in words.

    Raises:
        ModelImportError: The values contradict each other.
    """
    try:
        said = {name: value for name, value in vars(wishes).items() if value is not None}
        if said:
            source = f"{', '.join(said)} as you say, the rest {source}"
        return _apply(default, said), source
    except (ModelError, TypeError, ValueError) as error:
        raise ModelImportError(f"preprocessing: {error}") from error


def describe(preprocessing: Preprocessing) -> str:
    """Describe all settings in one line."""
    mean, std = (
        " ".join(f"{value:.4g}" for value in values)
        for values in (preprocessing.mean, preprocessing.std)
    )
    square = "squashed to" if preprocessing.squash else "short side to"
    return (
        f"{square} {preprocessing.resize} px ({preprocessing.interpolation}), "
        f"centre {preprocessing.crop} px, mean {mean}, std {std}{', BGR' * preprocessing.bgr}"
    )


def alternatives(
    chosen: Preprocessing,
    normalisations: Iterable[Normalisation] = NORMALISATIONS,
    *,
    either_order: bool = False,
) -> Iterator[tuple[str, Preprocessing]]:
    """Yield other common ways, and the options that choose them.

    Args:
        chosen: The way that was chosen.
        normalisations: Means and standard deviations to try.
        either_order: Whether the channels may be in either order.
    """
    for bgr in (False, True) if either_order else ():
        for mean, std in normalisations:
            if bgr != chosen.bgr:
                order = "--bgr" if bgr else "--no-bgr"
                other = dataclasses.replace(chosen, mean=mean, std=std, bgr=bgr)
                yield f"--mean {_joined(mean)} --std {_joined(std)} {order}", other
    for mean, std in normalisations:
        if (mean, std) != (chosen.mean, chosen.std):
            options = f"--mean {_joined(mean)} --std {_joined(std)}"
            yield options, dataclasses.replace(chosen, mean=mean, std=std)
    crop = chosen.crop
    if not (chosen.squash and chosen.resize == crop):
        yield "--squash", dataclasses.replace(chosen, squash=True, resize=crop)
    for share in _CROP_SHARES:
        resize = math.floor(crop / share)
        if chosen.squash or abs(resize - chosen.resize) > crop / 50:
            options = f"--resize {resize} --crop {crop}{' --no-squash' if chosen.squash else ''}"
            yield options, dataclasses.replace(chosen, squash=False, resize=resize)


def _apply(default: Preprocessing, said: Mapping[str, Any]) -> Preprocessing:
    changes = dict(said)
    if "resize" not in said:
        if said.get("squash"):  # Resize((224, 224)) crops nothing
            changes["resize"] = said.get("crop", default.crop)
        elif "crop" in said:
            changes["resize"] = round(said["crop"] * default.resize / default.crop)
    return dataclasses.replace(default, **changes)


def _from_timm(cfg: Mapping[str, Any], default: Preprocessing) -> Preprocessing:
    """Read timm's description of a model's input."""
    crop = int(cfg["input_size"][-1]) if "input_size" in cfg else default.crop
    share = float(cfg.get("crop_pct") or default.crop / default.resize)
    interpolation = cfg.get("interpolation", default.interpolation)
    return Preprocessing(
        resize=math.floor(crop / share),
        crop=crop,
        mean=tuple(cfg.get("mean", default.mean)),
        std=tuple(cfg.get("std", default.std)),
        squash=cfg.get("crop_mode") == "squash",
        interpolation=interpolation if interpolation in INTERPOLATIONS else default.interpolation,
    )


def _joined(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)


def _three(text: str) -> tuple[float, ...]:
    """Read "0.485,0.456,0.406", with commas or spaces."""
    values = tuple(float(part) for part in text.replace(",", " ").split())
    if len(values) != 3:  # noqa: PLR2004
        raise ValueError(text)
    return values
