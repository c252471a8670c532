"""A model as its owner has it: trained with torchvision alone, its classes in arbitrary order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import nn

from archive.source import read_source
from classifier.answers import softmax
from classifier.description import Preprocessing
from classifier.reference import draw
from train.data.data_set import read_evaluation_pixels
from train.data.recognition import list_classes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# In the order of the outputs, which is not the alphabet's; what photos of each look like.
PICTURES = {"tulips": "pink-tulip", "daisy": "white-daisy", "roses": "red-rose"}
CLASS_NAMES = tuple(PICTURES)
SMALL = Preprocessing(resize=72, crop=64)
SIZE = ("--resize", "72", "--crop", "64")
PHOTOS = {"train": 4, "val": 12}  # of each class
_PIXEL = 255 / 2


class Owned(NamedTuple):
    """An owner's model: its folder, its network, and photos of its classes."""

    folder: Path
    network: nn.Module
    photos: Path


def draw_photos(root: Path) -> None:
    """Draw `root/{train,val}/<class>/<number>.png`."""
    random = np.random.default_rng(0)
    for split, count in PHOTOS.items():
        for name, picture in PICTURES.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                width, height = (int(side) for side in random.integers(80, 120, size=2))
                grain = random.normal(0, 8, size=(height, width, 3))
                pixels = (draw(picture, width=width, height=height) + grain).clip(0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


def draw_edges(root: Path) -> None:
    """Draw wide photos that show their class at the edges alone, where a centre crop sees none."""
    random = np.random.default_rng(0)
    for split, count in PHOTOS.items():
        for index, name in enumerate(PICTURES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.full((60, 240, 3), _PIXEL) + random.normal(0, 8, size=(60, 240, 3))
                pixels[:, :80, index] += 100
                pixels[:, -80:, index] += 100
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number}.png")


def fitted(root: Path, preprocessing: Preprocessing, arch: str = "resnet18") -> nn.Module:
    """Build a ResNet whose head is fitted to the training photos; its other weights are random.

    The head is that of the nearest class mean, by the features' own spread.
    """
    torch.manual_seed(0)
    network: nn.Module = torchvision.models.get_model(arch)
    network.fc = nn.Identity()
    means, spread = [], []
    with torch.inference_mode():
        for name in PICTURES:
            paths = sorted((root / "train" / name).iterdir())
            features = network.eval()(to_input(paths, preprocessing))  # [n, 512]
            means.append(features.mean(dim=0))
            spread.append(features - means[-1])
        stacked = torch.stack(means)
        scale = torch.cat(spread).std(dim=0).clamp_min(1e-3)
        network.fc = nn.Linear(512, len(PICTURES))
        network.fc.weight.copy_(0.05 * (stacked - stacked.mean(dim=0)) / scale**2)
        network.fc.bias.copy_(-(network.fc.weight * (stacked + stacked.mean(dim=0)) / 2).sum(dim=1))
        # So that scores are neither 0 nor 1, and a wrong pixel would show in them.
        logits = network.fc(torch.cat(spread) + stacked.repeat_interleave(PHOTOS["train"], dim=0))
        network.fc.weight.div_(logits.std())
        network.fc.bias.div_(logits.std())
    network.eval()
    return network


def to_input(paths: Sequence[Path], preprocessing: Preprocessing) -> torch.Tensor:
    """Read photos as a network's input, [N, 3, H, W]."""
    pixels = np.stack([read_evaluation_pixels(path, preprocessing) for path in paths])
    mean, std = (np.array(values) for values in (preprocessing.mean, preprocessing.std))
    normalised = (pixels / 255 - mean) / std
    return torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)


def val_photos(owned: Owned) -> list[Path]:
    """List the validation photos."""
    return [path for paths in list_classes(owned.photos / "val").values() for path in paths]


def expected_answers(owned: Owned, preprocessing: Preprocessing = SMALL) -> Any:
    """Return the probabilities that PyTorch gives to them, [N, C]."""
    with torch.inference_mode():
        return softmax(owned.network(to_input(val_photos(owned), preprocessing)).numpy())


def answers_of(folder: Path, owned: Owned) -> Any:
    """Return those of a model folder."""
    source = read_source(folder)
    wanted = source.description.preprocessing
    pixels = np.stack([read_evaluation_pixels(path, wanted) for path in val_photos(owned)])
    with torch.inference_mode():
        return softmax(source.network(torch.from_numpy(pixels))[0].numpy())


def write_bucket(folder: Path, network: nn.Module, arch: str = "resnet18") -> None:
    """Write what the original left in its bucket's `model/`."""
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / f"{arch}.pth")
    indices = {str(index): name for index, name in enumerate(CLASS_NAMES)}
    (folder / "class_indices.json").write_text(json.dumps(indices))
    config = {
        "model_type": "PyTorch",
        "model_algorithm": "image_classification",
        "metrics": {"f1": 0.9, "accuracy": 0.99},
        "apis": [{"protocol": "http", "url": "/", "method": "post"}],
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "customize_service.py").write_text("raise RuntimeError('never run')\n")
