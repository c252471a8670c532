"""Loads a training's initial weights, and writes and verifies weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from safetensors.torch import save_file

from classifier.architectures import ONNX
from classifier.description import (
    DESCRIPTION_FILE,
    check_sha256,
    read_description,
    sha256_of_file,
)
from classifier.errors import ModelError
from classifier.labels import LABELS_FILE, read_labels
from classifier.network import build_network, load_network, read_state_dict
from classifier.parts import head_of, replace_head
from storage.files import atomic_file
from train.errors import WeightsError
from train.fit.imagenet import imagenet_network

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from classifier.description import ModelDescription
    from train.recipe import Recipe

_PRETRAINED = Path(__file__).resolve().parents[2] / "pretrained"
# The folder of each network's starter.
STARTERS = {
    "resnet34": _PRETRAINED,
    "tf_efficientnet_lite0": _PRETRAINED / "efficientnet-lite0",
}


class TrainedModel(NamedTuple):
    """A loaded model folder; the network is in evaluation mode, on the CPU."""

    description: ModelDescription
    class_names: tuple[str, ...]
    network: nn.Module


def initial_network(
    recipe: Recipe,
    class_names: Sequence[str],
    data_root: Path,
    *,
    starters: Mapping[str, Path] = STARTERS,
) -> nn.Module:
    """Build the network with the weights that training starts from.

    Args:
        recipe: Names the architecture and where its weights come from.
        class_names: The head gets one output for each.
        data_root: Folder that may hold ImageNet weights, such as `resnet34-pre.pth`.
        starters: Folder of each network's starter model.

    Raises:
        WeightsError: The weights cannot be had, or do not fit.
    """
    try:
        match recipe.init:
            case "imagenet":
                network = imagenet_network(recipe.arch, data_root, recipe.crop)
                return replace_head(network, len(class_names))
            case "starter":
                return _from_model(recipe, class_names, _starter_of(recipe.arch, starters))
            case "scratch":
                return build_network(recipe.arch, len(class_names), recipe.crop)
            case folder:
                return _from_model(recipe, class_names, Path(folder))
    except ModelError as error:
        raise WeightsError(str(error)) from error


def write_weights(path: Path, state: Mapping[str, Tensor]) -> str:
    """Write a state dict (`.pth`, or `.safetensors` by the name), read it back, return its SHA-256.

    Raises:
        WeightsError: What was read back differs.
    """
    state = {key: value.detach().cpu().contiguous().clone() for key, value in state.items()}
    with atomic_file(path) as temporary:
        if path.suffix == ".safetensors":
            save_file(state, temporary)
        else:
            torch.save(state, temporary)
    stored = read_state_dict(path)
    same = stored.keys() == state.keys() and all(
        torch.equal(stored[key], value.to(stored[key].dtype)) for key, value in state.items()
    )
    if not same:
        raise WeightsError(f"{path}: reads back as other weights than were written; is a disk bad?")
    return sha256_of_file(path)


def _starter_of(arch: str, starters: Mapping[str, Path]) -> Path:
    if arch not in starters:
        raise WeightsError(
            f"there is no starter {arch}, only {' and '.join(starters)}: choose one of them as "
            'arch, or init = "imagenet" or "scratch"'
        )
    return starters[arch]


def _from_model(recipe: Recipe, class_names: Sequence[str], folder: Path) -> nn.Module:
    arch = recipe.arch
    model = trainable_model(folder, recipe.crop)
    if model.description.arch != arch:
        raise WeightsError(
            f"the model in {folder} is a {model.description.arch}, the recipe wants a {arch}: "
            f'set arch = "{model.description.arch}", or init = "imagenet" or "scratch"'
        )
    # A head for the very same classes is worth keeping, in the order that they have here.
    if set(class_names) == set(model.class_names):
        return answering_for(class_names, model)
    return replace_head(model.network, len(class_names))


def trainable_model(folder: Path, size: int) -> TrainedModel:
    """Read a model that a training starts or learns from; see `load_model`.

    Raises:
        ModelError: There is none, it is damaged, or it is an ONNX graph.
    """
    if read_description(folder / DESCRIPTION_FILE).arch == ONNX:
        raise ModelError(
            f"{folder} holds an ONNX graph, which can be neither trained further nor a teacher: "
            "name a model of torchvision's or timm's networks"
        )
    return load_model(folder, size)


def load_model(folder: Path, size: int | None = None) -> TrainedModel:
    """Load the network of a model folder.

    Args:
        folder: As a training writes it.
        size: Side of the network's pictures in pixels; the model's own if None.

    Raises:
        ModelError: There is no model, or it is damaged.
    """
    description = read_description(folder / DESCRIPTION_FILE)
    class_names = read_labels(folder / LABELS_FILE)
    path = folder / description.weights_file
    check_sha256(path, description.weights_sha256)
    pixels = size or description.preprocessing.crop
    network = load_network(path, description.arch, len(class_names), pixels)
    return TrainedModel(description, class_names, network)


def answering_for(class_names: Sequence[str], model: TrainedModel) -> nn.Module:
    """Put the outputs of a model's network into the order of these names, the same as its own."""
    order = [model.class_names.index(name) for name in class_names]
    network = model.network
    head = head_of(network)
    with torch.no_grad():
        head.weight.copy_(head.weight[order])
        if head.bias is not None:
            head.bias.copy_(head.bias[order])
    return network
