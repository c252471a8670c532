"""Network names: which library builds each, and what input it expects.

A plain name such as `resnet34` means torchvision's network, as in the original project, or timm's
if torchvision has none of that name. `timm/resnet34` always means timm's; a weights tag may follow
(`timm/resnet50.a1_in1k`) and selects the preprocessing that belongs to those weights.
Either library is imported only when a name needs it.
"""

from __future__ import annotations

import difflib
import math
from typing import TYPE_CHECKING, Any

from classifier.description import INTERPOLATIONS, Preprocessing
from classifier.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

TIMM = "timm/"
# Of a model whose weights file is an ONNX graph: neither library knows it, nor is it built here.
ONNX, ONNX_SUFFIX = "onnx", ".onnx"
# torchvision's networks that are built for a fixed input size, and the argument that sets it.
_BUILT_FOR_A_SIZE: dict[str, Callable[[int], dict[str, Any]]] = {
    "vit_": lambda size: {"image_size": size},
    "maxvit_": lambda size: {"input_size": (size, size)},
}
# torchvision's networks with auxiliary classifiers, which only training uses: built without them.
_WITHOUT_SIDES = {
    name: {"aux_logits": False, "init_weights": True} for name in ("googlenet", "inception_v3")
}


def check_architecture(arch: str) -> None:
    """Check that torchvision or timm has a classifier of this name.

    Raises:
        ModelError: Neither has; the message names the closest matches.
    """
    if not (_is_torchvision(arch) or _is_timm(arch)):
        import timm  # noqa: PLC0415

        known = [*_torchvision_names(), *timm.list_models(), *map(TIMM.__add__, timm.list_models())]
        close = difflib.get_close_matches(arch, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "such as resnet34"
        raise ModelError(
            f"unknown architecture {arch!r}: neither torchvision nor timm has a classifier of "
            f"that name; {hint}"
        )


def library_of(arch: str) -> str:
    """Return "torchvision" or "timm"; raises like `check_architecture`."""
    check_architecture(arch)
    return "torchvision" if _is_torchvision(arch) else "timm"


def build_module(arch: str, num_classes: int, size: int) -> nn.Module:
    """Build a library's network with fresh weights.

    Args:
        arch: Name as described in the module docstring.
        num_classes: Number of outputs of the last layer.
        size: Input size in pixels, for networks that are built for a fixed one.

    Raises:
        ModelError: `arch` is unknown, or cannot be built for `size`.
    """
    check_architecture(arch)
    try:
        network = _build(arch, num_classes, size)
    except (AssertionError, TypeError, ValueError) as error:
        raise ModelError(f"{arch} cannot be built for {size} x {size} pixels: {error}") from error
    return network


def pretrained_module(arch: str) -> nn.Module:
    """Build a library's network with its ImageNet weights, which the library downloads.

    If there are several, torchvision's first or timm's default are used, or those the tag names.

    Raises:
        ModelError: `arch` is unknown.
        OSError: The download failed; or RuntimeError: the downloaded file is damaged.
    """
    check_architecture(arch)
    if _is_torchvision(arch):
        import torchvision  # noqa: PLC0415

        network: nn.Module = torchvision.models.get_model(arch, weights="IMAGENET1K_V1")
        return network
    import timm  # noqa: PLC0415

    return timm.create_model(arch.removeprefix(TIMM), pretrained=True)


def default_preprocessing(arch: str) -> Preprocessing:
    """Return the preprocessing that the weights of `pretrained_module` were evaluated with.

    Raises:
        ModelError: `arch` is unknown, or needs something that `Preprocessing` cannot express.
    """
    check_architecture(arch)
    if _is_torchvision(arch):
        from torchvision.models import get_model_weights  # noqa: PLC0415

        wanted = next(iter(get_model_weights(arch))).transforms()
        return Preprocessing(
            resize=wanted.resize_size[0],
            crop=wanted.crop_size[0],
            mean=tuple(wanted.mean),
            std=tuple(wanted.std),
            interpolation=wanted.interpolation.value,
        )
    import timm  # noqa: PLC0415

    return _timm_preprocessing(arch, timm.get_pretrained_cfg(arch.removeprefix(TIMM)))


def file_name(arch: str, suffix: str) -> str:
    """Return the file name of a network's weights, such as `resnet34.pth`."""
    return arch.replace("/", "-") + suffix


def _is_torchvision(arch: str) -> bool:
    return not arch.startswith(TIMM) and arch in _torchvision_names()


def _torchvision_names() -> list[str]:
    import torchvision  # noqa: PLC0415

    # Only the classifiers: networks for segmentation and so on are in submodules.
    names: list[str] = torchvision.models.list_models(module=torchvision.models)
    return names


def _is_timm(arch: str) -> bool:
    import timm  # noqa: PLC0415

    return bool(timm.is_model(arch.removeprefix(TIMM)))


def _build(arch: str, num_classes: int, size: int) -> nn.Module:
    if _is_torchvision(arch):
        import torchvision  # noqa: PLC0415

        options: dict[str, Any] = dict(_WITHOUT_SIDES.get(arch, {}))
        for prefix, say in _BUILT_FOR_A_SIZE.items():
            options |= say(size) if arch.startswith(prefix) else {}
        network: nn.Module = torchvision.models.get_model(
            arch, weights=None, num_classes=num_classes, **options
        )
        return network
    import timm  # noqa: PLC0415

    name = arch.removeprefix(TIMM)
    wanted = timm.get_pretrained_cfg(name)
    options = {"img_size": size} if wanted and wanted.fixed_input_size else {}
    return timm.create_model(name, pretrained=False, num_classes=num_classes, **options)


def _timm_preprocessing(arch: str, wanted: Any) -> Preprocessing:
    _, height, width = wanted.input_size
    if height != width or wanted.crop_mode == "border":
        raise ModelError(
            f"{arch} expects {width} x {height} pixels, crop mode {wanted.crop_mode!r}: "
            "only square inputs, cropped or squashed, can be served"
        )
    return Preprocessing(
        resize=math.floor(height / wanted.crop_pct),
        crop=height,
        mean=tuple(wanted.mean),
        std=tuple(wanted.std),
        squash=wanted.crop_mode == "squash",
        interpolation=wanted.interpolation if wanted.interpolation in INTERPOLATIONS else "bicubic",
    )
