"""The interface that all runtimes implement; imports none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from classifier.images import Pixels


class Outputs(NamedTuple):
    """A network's output for N images.

    Attributes:
        logits: float32 [N, C], unnormalised class scores.
        features: float32 [N, F, h, w], the last feature map before global average pooling; for a
            network without one, [N, F, 1, 1], the input of its last linear layer.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Runtime(Protocol):
    """A loaded network."""

    def infer(self, pixels: Pixels) -> Outputs:
        """Classify `pixels`, uint8 RGB [N, H, W, 3] with N of at least 1; the arrays are new."""
        ...

    def sizes_to_warm_up(self, largest: int) -> Iterable[int]:
        """Return batch sizes, above 1, after which none up to `largest` is slow at first."""
        ...
