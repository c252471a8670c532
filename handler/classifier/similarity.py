"""How similar a picture is to the training photos: its features against each class's mean.

A network assigns probabilities to any picture, and may be confident about one of none of its
classes. The features before the last layer tell more: for such a picture they point elsewhere.

    nearest class mean            Mensink et al. 2013, doi:10.1109/TPAMI.2013.83
    cosine, to tell the unknown   Techapanurak et al. 2019, arXiv:1905.10628
"""

from __future__ import annotations

from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np

from classifier.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CLASS_MEANS_FILE = "class_means.npy"
_SMALLEST = 1e-12  # all-zero features are similar to nothing


def similarity(
    pooled: NDArray[np.float32], class_directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the cosine between the features of each image and the nearest class mean, [N].

    Args:
        pooled: [N, F], the means over the last feature map.
        class_directions: [C, F], of length 1, from `directions`.
    """
    cosines = directions(pooled) @ class_directions.T  # [N, C]
    nearest: NDArray[np.float32] = cosines.max(axis=1)
    return nearest


def directions(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale vectors [N, F] to length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, _SMALLEST)
    return scaled


def read_class_means(path: Path) -> NDArray[np.float32]:
    """Read the mean features of each class, float32 [C, F].

    Raises:
        ModelError: The file is missing or damaged.
    """
    return read_array(path, "the class means")


def read_array(path: Path, what: str) -> NDArray[np.float32]:
    """Read one row of numbers per class, float32 [C, F], from a .npy file.

    Args:
        path: The file.
        what: What the rows are, for error messages.

    Raises:
        ModelError: The file is missing or damaged, or contains something else.
    """
    try:
        with path.open("rb") as file:  # only .npy: np.load reads other formats too
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TokenError) as error:
        raise ModelError(f"{path}: cannot read {what}: {error}") from error
    if array.ndim != 2 or array.dtype.kind != "f":  # noqa: PLR2004
        raise ModelError(f"{path}: expected {what}, one row of decimal numbers per class")
    return array.astype(np.float32, copy=False)
