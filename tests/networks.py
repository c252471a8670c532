"""Model folders of other networks than the default one, small and with random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from classifier.answers import softmax
from classifier.architectures import file_name
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
from tests.models import CLASS_NAMES, NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SMALL = Preprocessing(
    resize=96,
    crop=96,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    squash=True,
    interpolation="bicubic",
)


def write_other_model(
    folder: Path,
    arch: str,
    preprocessing: Preprocessing = SMALL,
    class_names: Sequence[str] = CLASS_NAMES,
) -> None:
    """Write what an archive is made from."""
    folder.mkdir(exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network(arch, len(class_names), preprocessing.crop).eval()
    weights = folder / file_name(arch, ".pth")
    torch.save(network.state_dict(), weights)
    write_labels(folder / LABELS_FILE, class_names)
    description = ModelDescription(arch, weights.name, sha256_of_file(weights), preprocessing)
    write_description(folder / DESCRIPTION_FILE, description)
    pictures = [
        read_pixels(draw_png(name), preprocessing, max_bytes=NO_LIMIT, max_pixels=NO_LIMIT)
        for name in REFERENCE_NAMES
    ]
    with torch.inference_mode():
        logits, _ = ServedNetwork(network, preprocessing).eval()(torch.tensor(np.stack(pictures)))
    answers = dict(zip(REFERENCE_NAMES, softmax(logits.numpy()), strict=True))
    write_reference(folder / REFERENCE_FILE, answers)
