"""The interface of all runtimes, below the choice of one and below each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from classifier.images import Pixels


class Outputs(NamedTuple):
    """What a network makes of N images.

    Attributes:
        logits: float32 [N, C], unnormalised class scores.
        features: float32 [N, F, h, w], the last feature map before the global average pooling; of a
            network that has none, [N, F, 1, 1], what its last linear layer takes.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Runtime(Protocol):
    """A loaded network."""

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3] with N of at least 1."""
        ...
