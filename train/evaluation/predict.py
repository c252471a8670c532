"""A network's probabilities for photos, on exactly the pixels that the handler sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from classifier.answers import softmax
from classifier.network import ServedNetwork
from train import world
from train.data.data_set import EvaluationPhotos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from classifier.description import Preprocessing
    from train.data.data_set import Photo
    from train.data.decoded_photos import DecodedPhotos

_BATCH_SIZE = 32


class Seen(NamedTuple):
    """A network's output for N photos: probabilities [N, C] and pooled features [N, F]."""

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


def choose_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def predict(  # noqa: PLR0913 - what, on what, and how
    network: nn.Module,
    photos: Sequence[Photo],
    preprocessing: Preprocessing,
    *,
    precision: str = "fp32",
    workers: int = 0,
    decoded: DecodedPhotos | None = None,
) -> NDArray[np.float32]:
    """Classify `photos`; probabilities [N, C] in their order. See `see` for the arguments."""
    return see(
        network, photos, preprocessing, precision=precision, workers=workers, decoded=decoded
    ).probabilities


def see(  # noqa: PLR0913 - what, on what, and how
    network: nn.Module,
    photos: Sequence[Photo],
    preprocessing: Preprocessing,
    *,
    precision: str = "fp32",
    workers: int = 0,
    decoded: DecodedPhotos | None = None,
) -> Seen:
    """Classify `photos`; return probabilities and pooled features in their order.

    Args:
        network: The network, on any device; put into evaluation mode.
        photos: N photos.
        preprocessing: How they become pixels.
        precision: "fp32", as reported and served; "bf16" is faster and a close estimate.
        workers: Number of processes that decode photos.
        decoded: The photos' pixels, if they are already decoded.
    """
    device = next(network.parameters()).device
    served = ServedNetwork(network, preprocessing).to(device).eval()
    loader = DataLoader(
        EvaluationPhotos(photos, preprocessing, decoded),
        batch_size=_BATCH_SIZE,
        num_workers=workers,
    )
    probabilities, pooled = [], []
    hidden = None if world.is_first() else True
    with (
        torch.inference_mode(),
        torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"),
    ):
        for pixels, _ in tqdm(loader, desc="evaluation", leave=False, disable=hidden):
            logits, features = served(pixels.to(device))  # [N, C], [N, F, h, w]
            probabilities.append(softmax(logits.float().cpu().numpy()))
            pooled.append(features.float().mean(dim=(2, 3)).cpu().numpy())
    return Seen(np.concatenate(probabilities), np.concatenate(pooled))
