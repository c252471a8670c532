"""Any network of torchvision and timm answers through the interface as in its own library."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from classifier.description import Preprocessing
from classifier.errors import ModelError
from classifier.network import ServedNetwork, build_network
from classifier.parts import (
    anatomy_of,
    class_weights_of,
    has_exact_map,
    head_of,
    look,
    look_at_stages,
    num_classes_of,
    replace_head,
)

SIZE = 64
CLASSES = 5
# Architecture: whether its map is exact, and the channels of its stages.
NETWORKS = {
    "resnet18": (True, (64, 128, 256, 512)),
    "resnet50": (True, (256, 512, 1024, 2048)),
    "mobilenet_v3_small": (False, (16, 24, 48, 576)),
    "efficientnet_b0": (True, (24, 40, 112, 1280)),
    "convnext_tiny": (False, (96, 192, 384, 768)),
    "vit_b_16": (False, (768,)),
    "tf_efficientnet_lite0": (True, (24, 40, 112, 1280)),
    "timm/resnet50.a1_in1k": (True, (256, 512, 1024, 2048)),
    "timm/test_vit": (False, (64,)),
    "squeezenet1_1": (False, ()),
}


@pytest.fixture(scope="module", params=NETWORKS)
def arch(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def network(arch: str) -> nn.Module:
    torch.manual_seed(0)
    network = build_network(arch, CLASSES, SIZE).eval()
    for module in network.modules():  # fresh networks give almost the same to all pictures
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            module.train()
            module.momentum = None
    with torch.no_grad():
        network(images(8))
    return network.eval()


def images(count: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, SIZE, SIZE, generator=generator)


def test_the_keys_are_the_librarys(arch: str, network: nn.Module) -> None:
    name = arch.removeprefix("timm/")
    options: dict[str, Any] = {"image_size": SIZE} if arch == "vit_b_16" else {}
    if arch.startswith(("timm/", "tf_")):
        options = {"img_size": SIZE} if arch == "timm/test_vit" else {}
        own = timm.create_model(name, num_classes=CLASSES, **options)
    else:
        own = torchvision.models.get_model(arch, weights=None, num_classes=CLASSES, **options)
    shapes = {name: value.shape for name, value in own.state_dict().items()}
    assert {name: value.shape for name, value in network.state_dict().items()} == shapes


def test_logits_are_the_librarys_own(network: nn.Module) -> None:
    batch = images()
    with torch.inference_mode():
        torch.testing.assert_close(
            look(network, batch).logits, network(batch), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(look_at_stages(network, batch).logits, network(batch))


def test_pooled_features_and_weights_of_the_classes_give_the_logits(network: nn.Module) -> None:
    with torch.inference_mode():
        logits, features = look(network, images())
    weights = torch.from_numpy(class_weights_of(network))
    bias = head_of(network).bias if anatomy_of(network).head else torch.zeros(CLASSES)
    rebuilt = features.mean(dim=(2, 3)) @ weights.T + bias
    torch.testing.assert_close(rebuilt.detach(), logits, rtol=1e-4, atol=1e-5)


def test_only_some_networks_have_an_exact_map(arch: str, network: nn.Module) -> None:
    exact, _ = NETWORKS[arch]
    features = look(network, images()).features
    assert has_exact_map(network) is exact
    assert (features.shape[2] * features.shape[3] > 1) is exact


def test_the_map_is_timms_forward_features() -> None:
    network = build_network("timm/resnet18", CLASSES, SIZE).eval()
    batch = images()
    with torch.inference_mode():
        forward_features: Any = network.forward_features
        get_classifier: Any = network.get_classifier
        assert torch.equal(look(network, batch).features, forward_features(batch))
        assert get_classifier() is head_of(network)


def test_stages_halve_the_picture_each(arch: str, network: nn.Module) -> None:
    _, channels = NETWORKS[arch]
    stages = anatomy_of(network).stages
    assert tuple(stage.channels for stage in stages) == channels
    seen = look_at_stages(network, images(1)).features
    for stage, features in zip(stages, seen, strict=True):
        side = SIZE // stage.stride
        assert features.shape == (1, stage.channels, side, side)


def test_a_fresh_head_leaves_the_rest(network: nn.Module) -> None:
    other = copy.deepcopy(network)
    if anatomy_of(network).head is None:
        with pytest.raises(ModelError, match="SqueezeNet does not end in a linear layer"):
            replace_head(other, 3)
        return
    replace_head(other, 3)
    assert num_classes_of(other) == 3
    assert num_classes_of(network) == CLASSES
    with torch.inference_mode():
        before, after = look(network, images()), look(other, images())
    assert after.logits.shape == (2, 3)
    assert torch.equal(before.features, after.features)
    head = f"{anatomy_of(network).head}."
    for name, value in network.state_dict().items():
        assert name.startswith(head) or torch.equal(value, other.state_dict()[name])


def test_asking_changes_nothing() -> None:
    network = build_network("mobilenet_v3_small", CLASSES, SIZE).train()
    network.get_submodule("features.0").eval()
    modes = [module.training for module in network.modules()]
    state = copy.deepcopy(network.state_dict())
    seed = torch.random.get_rng_state()
    anatomy_of(network)
    assert [module.training for module in network.modules()] == modes
    assert torch.equal(torch.random.get_rng_state(), seed)
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())  # noqa: SLF001


def test_a_network_that_is_no_classifier_is_refused() -> None:
    with pytest.raises(ModelError, match="Conv2d is not an image classifier"):
        anatomy_of(nn.Conv2d(3, 8, 1))


def test_bytes_are_normalised_as_the_library_does(network: nn.Module) -> None:
    preprocessing = Preprocessing(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    pixels = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8)
    mean, std = (
        torch.tensor(values).view(3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    )
    with torch.inference_mode():
        expected = network((pixels.permute(0, 3, 1, 2) / 255 - mean) / std)
        served = ServedNetwork(network, preprocessing)(pixels).logits
    torch.testing.assert_close(served, expected, rtol=1e-3, atol=1e-4)
