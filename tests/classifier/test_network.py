"""The network as it is served equals torchvision's, and only its own weights are loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.transforms import v2

from classifier.errors import ModelError
from classifier.network import build_network, load_network, read_state_dict
from classifier.parts import head_of
from classifier.reference import draw_png
from tests.models import ARCH, PREPROCESSING, infer_eagerly, pixels_of, tiny_network

if TYPE_CHECKING:
    from pathlib import Path

# As the original project prepared a photo.
ORIGINAL = v2.Compose(
    [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(PREPROCESSING.mean, PREPROCESSING.std),
    ]
)


def test_logits_from_bytes_are_torchvisions_from_normalised_floats() -> None:
    network, pixels = tiny_network(), pixels_of(draw_png("red-rose"))
    logits, features = infer_eagerly(network, pixels[np.newaxis])
    with torch.inference_mode():
        expected = network(ORIGINAL(pixels.copy())[np.newaxis]).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert logits.shape == (1, 3)
    assert features.shape == (1, 512, 7, 7)


@pytest.mark.parametrize("arch", ["resnet18", "resnet34", "resnet50"])
def test_each_resnet_gives_a_feature_map(arch: str) -> None:
    network = build_network(arch, 4)
    logits, features = infer_eagerly(network, np.zeros((2, 64, 64, 3), np.uint8))
    assert logits.shape == (2, 4)
    assert features.shape == (2, head_of(network).in_features, 2, 2)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_are_read_as_float32(tmp_path: Path, suffix: str, dtype: torch.dtype) -> None:
    path = tmp_path / f"weights{suffix}"
    state = {
        key: value.to(dtype) if value.is_floating_point() else value
        for key, value in tiny_network().state_dict().items()
    }
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    floats = [v for v in read_state_dict(path).values() if v.is_floating_point()]
    assert {value.dtype for value in floats} == {torch.float32}
    loaded = load_network(path, ARCH, 3)
    assert not loaded.training
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, state[key].to(value.dtype))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nn.Linear(1, 1), "cannot read the weights"),
        ([torch.zeros(1)], "expected a plain state dict of tensors"),
        ({"fc.weight": 1.5}, "expected a plain state dict of tensors"),
        ({"fc.weight": torch.zeros(1)}, "not the weights of a resnet18 with 3 classes"),
    ],
    ids=["a module", "a list", "numbers", "another network"],
)
def test_other_contents_are_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=rf"weights\.pth: {message}"):
        load_network(tmp_path / "weights.pth", ARCH, 3)


@pytest.mark.parametrize(("arch", "classes"), [("resnet34", 3), (ARCH, 4)])
def test_weights_of_another_network_are_refused(
    model_folder: Path, arch: str, classes: int
) -> None:
    with pytest.raises(ModelError, match=f"not the weights of a {arch} with {classes} classes"):
        load_network(model_folder / f"{ARCH}.pth", arch, classes)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_a_damaged_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"{name}: cannot read the weights"):
        read_state_dict(tmp_path / name)
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ModelError, match=f"{name}: cannot read the weights"):
        read_state_dict(tmp_path / name)
