"""The photos of a split as they lie decoded in one file; `train.data.photo_cache` makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.images import Pixels


@dataclass(frozen=True)
class DecodedPhotos:
    """The photos of a split, uint8 RGB [H, W, 3] each; holds no open file, so that it can fork.

    Attributes:
        path: The file with all pixels.
        sizes: Height and width of each photo, [N, 2].
        ends: Where each photo ends in the file, in bytes, [N].
    """

    path: Path
    sizes: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Pixels:
        height, width = self.sizes[index].tolist()
        start = int(self.ends[index]) - 3 * height * width
        shape = (height, width, 3)
        return np.memmap(self.path, dtype=np.uint8, mode="r", offset=start, shape=shape)

    def part(self, indices: range) -> DecodedPhotos:
        """Return some of the photos."""
        chosen = slice(indices.start, indices.stop, indices.step)
        return DecodedPhotos(self.path, self.sizes[chosen], self.ends[chosen])
