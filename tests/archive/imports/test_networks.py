"""Networks of both libraries, imported unchanged, answer as their own pipelines do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file
from timm.data.config import resolve_data_config
from timm.data.transforms_factory import create_transform
from torch import nn

from archive.errors import ModelImportError
from archive.imports.__main__ import main
from archive.imports.matching import match
from archive.imports.signature import TABLE, build_on_meta, find, read_table, shapes_of
from archive.source import read_source
from classifier.answers import softmax
from classifier.reference import draw
from tests.e2e.served import ROOT
from train.data.data_set import read_evaluation_pixels

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("tulips", "daisy", "roses", "菊", "lily")
SLOW = pytest.mark.slow
TORCHVISIONS = (
    *("resnet18", "mobilenet_v3_small", "efficientnet_b0"),
    *(pytest.param(name, marks=SLOW) for name in ("resnet50", "resnet101", "convnext_tiny")),
    pytest.param("vit_b_16", marks=SLOW),
)
# Bicubic with a crop of 0.95, a transformer with another mean, and Lite0 as TensorFlow pads it.
TIMMS = ("test_efficientnet", "test_vit", "tf_efficientnet_lite0")


def photos(folder: Path) -> list[Path]:
    """Draw a wide photo and a high one."""
    paths = [folder / "wide.png", folder / "high.png"]
    for path, (width, height) in zip(paths, ((420, 300), (310, 500)), strict=True):
        Image.fromarray(draw("pink-tulip", width=width, height=height)).save(path)
    return paths


def answers(network: nn.Module, transform: Any, paths: list[Path]) -> Any:
    """Return the probabilities that the library's own pipeline gives, [N, C]."""
    images = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    with torch.inference_mode():
        return softmax(network.eval()(images).numpy())


def library_transform(network: nn.Module) -> Any:
    """Return timm's own transform for a network."""
    return create_transform(**resolve_data_config({}, model=network))  # type: ignore[no-untyped-call]


def imported_answers(weights: Path, tmp_path: Path, *arguments: str) -> Any:
    """Import weights; return the probabilities that the model folder gives to the photos."""
    (tmp_path / "labels.txt").write_text("\n".join(NAMES), encoding="utf-8")
    where = ["--weights", str(weights), "--labels", str(tmp_path / "labels.txt")]
    assert main([*where, "--train-url", str(tmp_path / "model"), *arguments]) == 0
    source = read_source(tmp_path / "model")
    assert source.class_names == NAMES
    preprocessing = source.description.preprocessing
    pixels = [read_evaluation_pixels(path, preprocessing) for path in photos(tmp_path)]
    with torch.inference_mode():
        logits, _ = source.network(torch.from_numpy(np.stack(pixels)))
    return softmax(logits.numpy())


def spread_out(network: nn.Module) -> nn.Module:
    """Give every tensor values by which a mistake would show; a fresh network answers alike."""
    for name, parameter in network.named_parameters():
        if name.endswith(("fc.weight", "head.weight", "classifier.weight", "3.weight", "1.weight")):
            nn.init.normal_(parameter, std=0.05)
    return network


@pytest.mark.parametrize("arch", TORCHVISIONS)
def test_torchvisions_networks_answer_as_torchvision_does(arch: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = spread_out(torchvision.models.get_model(arch, num_classes=len(NAMES)))
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    transform = next(iter(torchvision.models.get_model_weights(arch))).transforms()
    found = imported_answers(tmp_path / "weights.pth", tmp_path)
    np.testing.assert_allclose(found, answers(network, transform, photos(tmp_path)), atol=1e-2)


@pytest.mark.parametrize("arch", TIMMS)
def test_timms_networks_answer_as_timm_does(arch: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = spread_out(timm.create_model(arch, num_classes=len(NAMES)))
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    transform = library_transform(network)
    found = imported_answers(tmp_path / "weights.pth", tmp_path, "--arch", arch)
    np.testing.assert_allclose(found, answers(network, transform, photos(tmp_path)), atol=1e-2)


def test_a_fine_tuned_lite0_is_recognised_and_answers_as_timm_does(tmp_path: Path) -> None:
    """The second starter's weights, in half precision, as somebody else would bring them."""
    weights = ROOT / "pretrained" / "efficientnet-lite0" / "tf_efficientnet_lite0.safetensors"
    network = timm.create_model("tf_efficientnet_lite0", num_classes=len(NAMES))
    state = {name: value.float() for name, value in load_file(weights).items()}
    state = {
        name: value.long() if "num_batches" in name else value for name, value in state.items()
    }
    network.load_state_dict(state)
    transform = library_transform(network)
    # timm would crop 87.5 % of 256 px to 224, bicubic.
    found = imported_answers(weights, tmp_path, "--arch", "tf_efficientnet_lite0")
    np.testing.assert_allclose(found, answers(network, transform, photos(tmp_path)), atol=1e-2)


def test_timms_own_config_beside_the_weights_is_gone_by(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    torch.manual_seed(0)
    network = spread_out(timm.create_model("test_efficientnet", num_classes=len(NAMES)))
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(
        '{"architecture": "test_efficientnet", "num_classes": 5, "pretrained_cfg": {"input_size": '
        '[3, 128, 128], "crop_pct": 0.9, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], '
        '"std": [0.5, 0.5, 0.5]}}'
    )
    transform = create_transform(
        (3, 128, 128), crop_pct=0.9, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    found = imported_answers(folder, tmp_path)
    np.testing.assert_allclose(found, answers(network, transform, photos(tmp_path)), atol=1e-2)


@pytest.mark.parametrize(
    "arch", ["resnet34", "regnet_y_400mf", "timm/densenet121", "convnext_atto", "swin_t"]
)
def test_the_table_is_what_the_libraries_build(arch: str) -> None:
    names, num_classes = find(shapes_of(build_on_meta(arch, 7).state_dict()))
    assert arch in names
    assert num_classes == 7


def test_the_table_is_of_the_installed_libraries() -> None:
    found = json.loads(TABLE.read_text(encoding="utf-8"))["libraries"]
    version = torchvision.__version__.partition("+")[0]
    assert found == {"timm": timm.__version__, "torchvision": version}
    names = {
        name for group in read_table().values() for entry in group.values() for name in entry.names
    }
    assert set(torchvision.models.list_models(module=torchvision.models)) <= names
    assert len(names) > 1400


def state_of(arch: str) -> Any:
    return torchvision.models.get_model(arch, num_classes=5).state_dict()


def test_an_architecture_that_was_named_wrongly_is_told_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ModelImportError) as caught:
        match(state_of("resnet18"), tmp_path / "flowers.pth", "resnet34")
    message = str(caught.value)
    assert "not the weights of resnet34: layer1.2.conv1.weight is missing; " in message
    assert "and " in message
    assert "those of resnet18 or timm/resnet18 or resnetblur18: ARCH=resnet18" in message
    assert len(message) < 500


def test_a_network_that_was_changed_is_told_the_nearest(tmp_path: Path) -> None:
    state = state_of("resnet18")
    state["layer1.0.conv1.weight"] = torch.zeros(64, 64, 5, 5)
    state["attention.weight"] = torch.zeros(3)
    with pytest.raises(ModelImportError) as caught:
        match(state, tmp_path / "flowers.pth")
    assert "the nearest network is resnet18 (98% of the tensors): " in str(caught.value)
    assert "layer1.0.conv1.weight is [64, 64, 5, 5], expected [64, 64, 3, 3]" in str(caught.value)
    assert "attention.weight is not in the network" in str(caught.value)


def test_a_network_of_ones_own_is_said_to_be_of_neither_library(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 5))
    with pytest.raises(ModelImportError, match=r"its 4 tensors \(0\.weight, .* match no network"):
        match(network.state_dict(), tmp_path / "flowers.pth")


def test_a_head_with_dropout_is_taken_and_said(tmp_path: Path) -> None:
    network = torchvision.models.resnet18()
    network.fc = nn.Sequential(nn.Dropout(), nn.Linear(512, 5))
    matched = match(network.state_dict(), tmp_path / "flowers.pth")
    assert (matched.arch, matched.num_classes) == ("resnet18", 5)
    assert torch.equal(matched.state["fc.weight"], network.fc[1].weight)
    assert "the head fc.1 is used as fc" in matched.notes[0]
    network.fc = nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 5))
    with pytest.raises(
        ModelImportError, match=r"the nearest network is resnet18 .*fc\.weight is missing"
    ):
        match(network.state_dict(), tmp_path / "flowers.pth")
