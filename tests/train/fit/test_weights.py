"""The sources of initial weights, and that written weights read back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest
import torch
import torchvision

from classifier.description import DESCRIPTION_FILE, ModelDescription, write_description
from classifier.labels import LABELS_FILE, write_labels
from classifier.network import build_network, read_state_dict
from classifier.parts import head_of
from train.errors import WeightsError
from train.fit.weights import initial_network, write_weights

if TYPE_CHECKING:
    from pathlib import Path

    from train.recipe import Recipe

NAMES = ("blue", "red")


@pytest.fixture
def tiny_recipe(tiny_recipe: Recipe) -> Recipe:
    return dataclasses.replace(tiny_recipe, arch="resnet18")


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """Write a starter model of two classes with random weights."""
    folder = tmp_path / "pretrained"
    path = folder / "resnet18.safetensors"
    sha256 = write_weights(path, build_network("resnet18", 2).state_dict())
    write_description(folder / DESCRIPTION_FILE, ModelDescription("resnet18", path.name, sha256))
    write_labels(folder / LABELS_FILE, NAMES)
    return folder


def test_imagenet_weights_are_loaded_strictly_under_a_fresh_head(
    tmp_path: Path, tiny_recipe: Recipe
) -> None:
    imagenet = build_network("resnet18", 1000).state_dict()
    torch.save(imagenet, tmp_path / "resnet18-pre.pth")
    recipe = dataclasses.replace(tiny_recipe, init="imagenet")
    network = initial_network(recipe, NAMES, tmp_path)
    assert torch.equal(network.state_dict()["conv1.weight"], imagenet["conv1.weight"])
    assert head_of(network).weight.shape == (2, 512)


@pytest.mark.parametrize("damage", ["head", "key", "bytes"])
def test_imagenet_weights_that_do_not_fit_are_refused(
    tmp_path: Path, tiny_recipe: Recipe, damage: str
) -> None:
    path = tmp_path / "resnet18-pre.pth"
    state = build_network("resnet18", 5 if damage == "head" else 1000).state_dict()
    if damage == "key":
        del state["layer1.0.bn1.running_mean"]
    torch.save(state, path)
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"resnet18-pre\.pth"):
        initial_network(dataclasses.replace(tiny_recipe, init="imagenet"), NAMES, tmp_path)


def test_no_imagenet_weights_names_both_ways(
    tmp_path: Path, tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models, "get_model", offline)
    with pytest.raises(WeightsError) as caught:
        initial_network(dataclasses.replace(tiny_recipe, init="imagenet"), NAMES, tmp_path)
    message = str(caught.value)
    assert f"{tmp_path / 'resnet18-pre.pth'} does not exist" in message
    assert "torchvision's download failed" in message
    assert 'init = "starter"' in message


def test_the_starters_head_is_kept_for_its_own_classes_only(
    starter: Path, tmp_path: Path, tiny_recipe: Recipe
) -> None:
    recipe = dataclasses.replace(tiny_recipe, init="starter")
    stored = read_state_dict(starter / "resnet18.safetensors")
    same = initial_network(recipe, NAMES, tmp_path, starters={"resnet18": starter})
    other = initial_network(recipe, ("cat", "dog", "eel"), tmp_path, starters={"resnet18": starter})
    assert torch.equal(head_of(same).weight, stored["fc.weight"])
    assert head_of(other).weight.shape == (3, 512)
    assert torch.equal(other.get_parameter("conv1.weight"), stored["conv1.weight"])


def test_the_starters_outputs_follow_the_classes_by_name(
    starter: Path, tmp_path: Path, tiny_recipe: Recipe
) -> None:
    write_labels(starter / LABELS_FILE, NAMES[::-1])
    recipe = dataclasses.replace(tiny_recipe, init="starter")
    stored = read_state_dict(starter / "resnet18.safetensors")
    head = head_of(initial_network(recipe, NAMES, tmp_path, starters={"resnet18": starter}))
    assert torch.equal(head.weight, stored["fc.weight"].flip(0))
    assert torch.equal(head.bias, stored["fc.bias"].flip(0))


def test_a_starter_whose_weights_are_others_is_refused(
    starter: Path, tmp_path: Path, tiny_recipe: Recipe
) -> None:
    write_weights(starter / "resnet18.safetensors", build_network("resnet18", 2).state_dict())
    recipe = dataclasses.replace(tiny_recipe, init="starter")
    with pytest.raises(WeightsError, match=r"model\.json beside it describes another file"):
        initial_network(recipe, NAMES, tmp_path, starters={"resnet18": starter})


def test_a_starter_of_another_architecture_is_refused(
    starter: Path, tmp_path: Path, tiny_recipe: Recipe
) -> None:
    recipe = dataclasses.replace(tiny_recipe, init="starter", arch="resnet34")
    with pytest.raises(WeightsError, match="no starter resnet34, only resnet18: choose"):
        initial_network(recipe, NAMES, tmp_path, starters={"resnet18": starter})
    with pytest.raises(WeightsError, match='set arch = "resnet18"'):
        initial_network(dataclasses.replace(recipe, init=str(starter)), NAMES, tmp_path)
