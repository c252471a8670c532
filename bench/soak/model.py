"""Writes model folders of small networks with random weights, as training would.

`python -m bench.soak.model FOLDER`; `make archive TRAIN_URL=FOLDER` packs it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from classifier.architectures import file_name
from classifier.description import ModelDescription, Preprocessing, sha256_of_file
from classifier.network import build_network
from train.model_folder import reference_answers, write_model_files

if TYPE_CHECKING:
    from collections.abc import Sequence

ARCH = "resnet18"
CLASS_NAMES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
PREPROCESSING = Preprocessing(resize=72, crop=64)  # a twelfth of the pixels of 224


def write_small_model(
    folder: Path,
    arch: str = ARCH,
    preprocessing: Preprocessing = PREPROCESSING,
    class_names: Sequence[str] = CLASS_NAMES,
) -> None:
    """Write weights, labels, description and reference answers."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(arch, len(class_names), preprocessing.crop).eval()
    weights = folder / file_name(arch, ".pth")
    torch.save(network.state_dict(), weights)
    description = ModelDescription(
        arch, weights.name, sha256_of_file(weights), preprocessing, recipe="random weights"
    )
    answers = reference_answers(network, preprocessing)
    write_model_files(folder, description, class_names, answers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.soak.model", description=__doc__)
    parser.add_argument("folder", type=Path)
    write_small_model(parser.parse_args().folder)
