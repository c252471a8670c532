"""Pictures of mistakes and suspect labels: the photo as the model saw it, where the evidence lies.

They are plain JPEG files in `gallery/`, numbered in the order of the misclassified samples or of
the suspect labels, so the page can be rendered again from the folder without photos and model.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from classifier.explanations import overlay_png
from classifier.network import ServedNetwork
from classifier.parts import class_weights_of, has_exact_map
from storage.files import atomic_file
from train.data.data_set import read_evaluation_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from classifier.description import Preprocessing

GALLERY_FOLDER = "gallery"
MISTAKES, SUSPECTS = "", "suspect-"  # how the names of their pictures begin
GALLERY_LIMIT = 24
_SIDE, _QUALITY = 168, 72  # pixels; about 6 kB a picture


@dataclass(frozen=True)
class Pictures:
    """A photo's pictures as data URIs; that of the evidence is empty if there is none."""

    photo: str
    evidence: str


def write_gallery(
    folder: Path,
    galleries: Mapping[str, Sequence[Path]],
    network: nn.Module,
    preprocessing: Preprocessing,
) -> None:
    """Write the pictures of the first photos of each gallery, and remove an earlier evaluation's.

    A network without an exact map has no picture of the evidence.
    """
    for stale in (folder / GALLERY_FOLDER).glob("*.jpg"):
        stale.unlink()
    served = ServedNetwork(network, preprocessing).to(next(network.parameters()).device).eval()
    class_weights = class_weights_of(network)  # [C, F]
    named = [
        (f"{gallery}{number:02d}", path)
        for gallery, paths in galleries.items()
        for number, path in enumerate(paths[:GALLERY_LIMIT], start=1)
    ]
    for name, path in named:
        pixels = read_evaluation_pixels(path, preprocessing)  # [H, W, 3]
        with torch.inference_mode():
            batch = torch.from_numpy(pixels.copy())[None].to(served.mean.device)
            logits, features = (tensor.cpu().numpy() for tensor in served(batch))
        _write_jpeg(folder, f"{name}-photo", Image.fromarray(np.asarray(pixels)))
        if has_exact_map(network):
            evidence = overlay_png(pixels, features[0], class_weights[logits[0].argmax()])
            _write_jpeg(folder, f"{name}-evidence", Image.open(io.BytesIO(evidence)))


def read_gallery(folder: Path, gallery: str) -> Iterator[Pictures]:
    """Read the pictures of a gallery beside a results file, in order; none if there are none."""
    for number in range(1, GALLERY_LIMIT + 1):
        photo, evidence = (
            folder / GALLERY_FOLDER / f"{gallery}{number:02d}-{kind}.jpg"
            for kind in ("photo", "evidence")
        )
        if not photo.is_file():
            return
        yield Pictures(
            _data_uri(photo.read_bytes()),
            _data_uri(evidence.read_bytes()) if evidence.is_file() else "",
        )


def _write_jpeg(folder: Path, name: str, image: Image.Image) -> None:
    small = image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    with atomic_file(folder / GALLERY_FOLDER / f"{name}.jpg") as temporary:
        small.save(temporary, format="JPEG", quality=_QUALITY, optimize=True)


def _data_uri(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
