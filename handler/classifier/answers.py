"""Turns logits into answers about an image: ranked probabilities, class activation map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Ranking = list[tuple[str, float]]  # class name and probability 0..1, best first


@dataclass(frozen=True)
class Answer:
    """The answer for one image.

    Attributes:
        ranking: Its best classes.
        rejected: Whether the image shows none of the classes; None unless that was requested.
    """

    ranking: Ranking
    rejected: bool | None = None


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn logits [N, C] into probabilities [N, C] that sum to 1 over the classes."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    probabilities: NDArray[np.float32] = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities


def rank(
    probabilities: NDArray[np.float32], class_names: Sequence[str], top_k: int | None = None
) -> Ranking:
    """Rank the classes of one image, best first; ties go to the lower index.

    Args:
        probabilities: [C], each 0..1.
        class_names: C names.
        top_k: How many to keep; all of them if None.
    """
    order = np.argsort(-probabilities, kind="stable")[:top_k]
    return [(class_names[index], float(probabilities[index])) for index in order]


def class_activation_map(
    features: NDArray[np.float32], class_weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute where in the image the evidence for a class lies, [h, w].

    After global average pooling and one linear layer, the map is exact and needs no gradients:
    its mean plus the class's bias is the class's logit (Zhou et al. 2016, "Learning Deep Features
    for Discriminative Localization", equation 2).

    Args:
        features: [F, h, w], the last feature map of one image.
        class_weights: [F], the linear layer's weights for the class.
    """
    activation_map: NDArray[np.float32] = np.tensordot(class_weights, features, axes=1)
    return activation_map
