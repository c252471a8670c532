"""Reads the folder that an archive is built from: training's output, or the starter model.

Checks that its files exist, fit each other, and are the ones that were evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from archive.errors import BuildError
from classifier.description import (
    DESCRIPTION_FILE,
    ModelDescription,
    check_sha256,
    read_description,
)
from classifier.labels import LABELS_FILE, read_labels
from classifier.reference import REFERENCE_FILE, read_reference
from classifier.similarity import CLASS_MEANS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.network import ServedNetwork


@dataclass(frozen=True)
class Source:
    """A checked model folder.

    Attributes:
        folder: Where the files are.
        description: Its `model.json`.
        class_names: In the order of the output neurons.
        forms: A folder with ready forms, by runtime, besides those in `folder`.
    """

    folder: Path
    description: ModelDescription
    class_names: tuple[str, ...]
    forms: Path | None = None

    @property
    def weights(self) -> Path:
        """The path of the weights file."""
        return self.folder / self.description.weights_file

    @cached_property
    def network(self) -> ServedNetwork:
        """The network in evaluation mode, loaded on first use.

        Raises:
            ModelError: The weights are damaged, or do not fit the architecture or the labels.
        """
        from classifier.network import ServedNetwork, load_network  # noqa: PLC0415  imports PyTorch

        crop = self.description.preprocessing.crop
        network = load_network(self.weights, self.description.arch, len(self.class_names), crop)
        return ServedNetwork(network, self.description.preprocessing).eval()


def read_source(folder: Path) -> Source:
    """Check a model folder.

    Raises:
        BuildError: The reference answers belong to another model.
        ModelError: A file is missing or damaged, or not the one that `model.json` describes.
    """
    description = read_description(folder / DESCRIPTION_FILE)
    class_names = read_labels(folder / LABELS_FILE)
    weights = folder / description.weights_file
    check_sha256(weights, description.weights_sha256)
    if description.class_means_sha256:
        check_sha256(folder / CLASS_MEANS_FILE, description.class_means_sha256)
    for name, answer in read_reference(folder / REFERENCE_FILE).items():
        if len(answer) != len(class_names):
            raise BuildError(
                f"{folder / REFERENCE_FILE}: {name} has {len(answer)} probabilities for "
                f"{len(class_names)} classes; it belongs to another model"
            )
    return Source(folder, description, class_names)


def check_arch(source: Source, wanted: str) -> None:
    """Check that a model has the network that was asked for by name.

    Args:
        source: The model.
        wanted: Such as `resnet34` or `efficientnet_lite0`; the prefixes of timm's names may be left
            out. Empty if any will do.

    Raises:
        BuildError: It has another.
    """
    found = source.description.arch
    short = found.removeprefix("timm/").removeprefix("tf_")
    if wanted and wanted not in (found, short):
        raise BuildError(
            f"{source.folder} holds a {short}, not a {wanted}: leave out TRAIN_URL to use the "
            "starter that ARCH names, or leave out ARCH"
        )
