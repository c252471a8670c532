"""Writes a model folder with a small network and random weights, as training would.

`python -m bench.soak.model FOLDER`; `make archive TRAIN_URL=FOLDER` packs it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from classifier.answers import softmax
from classifier.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    Preprocessing,
    sha256_of_file,
    write_description,
)
from classifier.images import read_pixels
from classifier.labels import LABELS_FILE, write_labels
from classifier.network import ServedNetwork, build_network
from classifier.reference import REFERENCE_FILE, REFERENCE_NAMES, draw_png, write_reference

ARCH = "resnet18"
CLASS_NAMES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
PREPROCESSING = Preprocessing(resize=72, crop=64)  # a twelfth of the pixels of 224
_NO_LIMIT = 10**12


def write_small_model(folder: Path) -> None:
    """Write weights, labels, description and reference answers."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(ARCH, len(CLASS_NAMES)).eval()
    weights = folder / f"{ARCH}.pth"
    torch.save(network.state_dict(), weights)
    write_labels(folder / LABELS_FILE, CLASS_NAMES)
    description = ModelDescription(
        ARCH, weights.name, sha256_of_file(weights), PREPROCESSING, recipe="random weights"
    )
    write_description(folder / DESCRIPTION_FILE, description)
    pixels = [
        read_pixels(draw_png(name), PREPROCESSING, max_bytes=_NO_LIMIT, max_pixels=_NO_LIMIT)
        for name in REFERENCE_NAMES
    ]
    with torch.inference_mode():
        logits, _ = ServedNetwork(network, PREPROCESSING).eval()(torch.tensor(np.stack(pixels)))
    answers = dict(zip(REFERENCE_NAMES, softmax(logits.numpy()), strict=True))
    write_reference(folder / REFERENCE_FILE, answers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.soak.model", description=__doc__)
    parser.add_argument("folder", type=Path)
    write_small_model(parser.parse_args().folder)
