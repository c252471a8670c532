"""A tiny model and a tiny data set of the same three classes, drawn rather than downloaded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from classifier.answers import softmax
from classifier.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    Preprocessing,
    sha256_of_file,
    write_description,
)
from classifier.images import decode, read_pixels
from classifier.labels import LABELS_FILE, write_labels
from classifier.network import ServedNetwork, build_network
from classifier.parts import head_of
from classifier.reference import REFERENCE_FILE, REFERENCE_NAMES, draw, draw_png, write_reference
from classifier.similarity import CLASS_MEANS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from classifier.images import Pixels

ARCH = "resnet18"
# Class name: the reference picture that its photos look like.
CLASSES = {"daisy": "white-daisy", "roses": "red-rose", "tulips": "pink-tulip"}
CLASS_NAMES = tuple(CLASSES)
PHOTOS = {"train": 8, "val": 4}  # of each class
PREPROCESSING = Preprocessing()
NO_LIMIT = 10**12


def decode_freely(file: bytes) -> Image.Image:
    """Decode an image file without limits."""
    return decode(file, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)


def pixels_of(file: bytes) -> Pixels:
    """Decode and preprocess an image file without limits, as the handler does."""
    return read_pixels(file, PREPROCESSING, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)


def infer_eagerly(
    network: nn.Module, pixels: Pixels
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute logits [N, C] and features [N, F, h, w] in eager float32."""
    with torch.inference_mode():
        logits, features = ServedNetwork(network, PREPROCESSING).eval()(torch.tensor(pixels))
    return logits.numpy(), features.numpy()


@functools.cache
def tiny_network() -> nn.Module:
    """Build a ResNet with fresh weights that tells the reference pictures apart; once, for all.

    A fresh head puts every picture into the same class, and a test would not notice answers that
    were swapped; so the head is stretched, and centred on the pictures.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(ARCH, len(CLASSES)).eval()
    logits, _ = infer_eagerly(network, _reference_pixels())
    head = head_of(network)
    with torch.no_grad():
        centred = head.bias - torch.from_numpy(logits).mean(dim=0)
        head.weight *= 4
        head.bias.copy_(4 * centred)
    return network


def write_model_folder(folder: Path) -> None:
    """Write a model as training does: weights, labels, description, reference answers."""
    network = tiny_network()
    weights = folder / f"{ARCH}.pth"
    torch.save(network.state_dict(), weights)
    write_labels(folder / LABELS_FILE, CLASS_NAMES)
    description = ModelDescription(
        arch=ARCH,
        weights_file=weights.name,
        weights_sha256=sha256_of_file(weights),
        preprocessing=PREPROCESSING,
        data_fingerprint="d" * 64,
        val_accuracy=0.75,
        val_accuracy_ci95=(0.43, 0.95),
        val_images=12,
        class_means_sha256=_write_class_means(folder / CLASS_MEANS_FILE, network),
        similarity_below=0.99,
        reject_below=0.4,
        false_reject_rate=0.05,
        recipe="none",
        git_revision="r" * 40,
    )
    write_description(folder / DESCRIPTION_FILE, description)
    logits, _ = infer_eagerly(network, _reference_pixels())
    answers = dict(zip(REFERENCE_NAMES, softmax(logits), strict=True))
    write_reference(folder / REFERENCE_FILE, answers)


def write_data_set(folder: Path) -> None:
    """Draw `{train,val}/<class>/<number>.jpg`, each photo with its own size and grain."""
    random = np.random.default_rng(0)
    for split, count in PHOTOS.items():
        for class_name, picture in CLASSES.items():
            (folder / split / class_name).mkdir(parents=True)
            for number in range(count):
                width, height = (int(side) for side in random.integers(120, 200, size=2))
                pixels = draw(picture, width=width, height=height)
                grain = random.normal(0, 12, size=pixels.shape)
                photo = (pixels + grain).clip(0, 255).astype(np.uint8)
                Image.fromarray(photo).save(folder / split / class_name / f"{number}.jpg")


def _write_class_means(path: Path, network: nn.Module) -> str:
    """Take the features of each class's picture for its mean; return the file's SHA-256."""
    pictures = np.stack([pixels_of(draw_png(name)) for name in CLASSES.values()])
    _, features = infer_eagerly(network, pictures)
    np.save(path, features.mean(axis=(2, 3)))
    return sha256_of_file(path)


def _reference_pixels() -> Pixels:
    return np.stack([pixels_of(draw_png(name)) for name in REFERENCE_NAMES])
