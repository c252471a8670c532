"""Tries what else an imported model could be: other networks and preprocessings for its weights."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from archive.errors import ModelImportError
from archive.imports import preprocessing
from archive.imports.checking import Alternative
from archive.imports.photos import Seen, evenly, see
from classifier.architectures import default_preprocessing
from classifier.errors import ModelError
from classifier.network import build_network
from classifier.onnx_graph import read_graph
from classifier.onnx_network import OnnxNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from archive.imports.matching import Match
    from archive.imports.writing import Imported
    from classifier.description import Preprocessing
    from train.data.data_set import Photo

_TRIED = 200  # photos on which the alternatives are compared
_ENDS = {
    "scores": "scores, to which a softmax is applied",
    "softmax": "a softmax, which is applied once",
    "probabilities": "probabilities, whose logarithms are the scores",
}
logger = logging.getLogger(__name__)


def load(model: Imported, arch: str) -> nn.Module:
    """Build a network with the weights of the model, ready for inference.

    Raises:
        ModelImportError: The weights belong to a network for another input size.
    """
    crop = model.preprocessing.crop
    if model.onnx is not None:
        graph = read_graph(model.onnx.data, model.onnx.graph.name, crop)
        made = OnnxNetwork(graph, len(model.class_names))
        logger.info("network: it ends in %s", _ENDS[made.end])
        return made.eval()
    network = build_network(arch, len(model.class_names), crop)
    try:
        network.load_state_dict(model.state)
    except RuntimeError as error:
        first = next(iter(str(error).split("\n\t")[1:]), str(error)).strip()
        raise ModelImportError(
            f"the weights do not fit a {arch} for {crop} px input: {first}; set the size it was "
            "trained for with --crop"
        ) from error
    return network.eval()


@dataclass(frozen=True)
class Candidate:
    """One interpretation of the model, and its loaded network."""

    model: Imported
    matched: Match
    network: nn.Module

    def tell_of_others(self) -> None:
        """Log which other networks have the same tensors, and whether it matters."""
        for arch in self.matched.others:
            said = "gives the same answers"
            if self._answers_differ(load(self.model, arch)):
                said = f"gives other answers: set ARCH={arch} if it is that one"
            elif not _same_default(arch, self.matched.arch):
                said += f", but has other preprocessing: set ARCH={arch} if it is that one"
            logger.info("network: %s has the same tensors, and %s", arch, said)

    def answers(self, photos: Sequence[Photo]) -> tuple[Seen, Iterator[Alternative]]:
        """Return the model's answers to some of the photos, and those of all alternatives."""
        some = evenly(photos, _TRIED)
        chosen = self.model.preprocessing
        return see(self.network, some, chosen, "as chosen"), self._alternatives(some)

    def _alternatives(self, photos: Sequence[Photo]) -> Iterator[Alternative]:
        chosen = self.model.preprocessing
        for options, other in self._preprocessings():
            answers = see(self.network, photos, other, options)
            yield Alternative(preprocessing.describe(other), f'ARGS="{options}"', answers)
        for arch in self.matched.others:
            network = load(self.model, arch)
            if self._answers_differ(network):
                answers = see(network, photos, chosen, arch)
                yield Alternative(f"the network {arch}", f"ARCH={arch}", answers)

    def _preprocessings(self) -> Iterator[tuple[str, Preprocessing]]:
        chosen = self.model.preprocessing
        if not isinstance(self.network, OnnxNetwork):
            return preprocessing.alternatives(chosen)
        if self.network.takes_bytes:  # the graph normalises them
            return preprocessing.alternatives(chosen, (preprocessing.BYTES,), either_order=True)
        ways = preprocessing.ONNX_NORMALISATIONS
        return preprocessing.alternatives(chosen, ways, either_order=True)

    def _answers_differ(self, other: nn.Module) -> bool:
        """Whether another network with the same weights answers differently to noise."""
        crop = self.model.preprocessing.crop
        noise = torch.randn(1, 3, crop, crop, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            mine, others = self.network(noise), other(noise)
        return not torch.allclose(mine, others, rtol=1e-3, atol=1e-3)


def _same_default(one: str, other: str) -> bool:
    """Whether two networks have the same default preprocessing."""
    try:
        return default_preprocessing(one) == default_preprocessing(other)
    except ModelError:  # one of them needs preprocessing that is not supported
        return False
