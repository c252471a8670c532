"""Compares the answers of two versions of a model to the same photos.

`client.operations.rollout` acts on the result.
"""

from __future__ import annotations

import math
import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.errors import ClientError, LocalFileError, RequestRejected, UnexpectedReply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from client.api.inference import InferenceClient, Prediction

_CONCURRENCY = 2  # beside other clients' requests
_TOLERANCE = 1e-3  # for a sum of probabilities sent as decimal numbers


@dataclass(frozen=True)
class Comparison:
    """How two versions answer.

    Attributes:
        samples: The photos that at least one of them classified.
        agreeing: Those of them that get the same label from both.
    """

    samples: int
    agreeing: int

    @property
    def agreement(self) -> float | None:
        """The share of photos with the same label, 0..1; None if there was nothing to compare."""
        return self.agreeing / self.samples if self.samples else None


def compare(
    new: InferenceClient, old: InferenceClient, samples: Sequence[Path], labels: Sequence[str]
) -> Comparison:
    """Classify every sample with both; a photo that both refuse is not compared.

    Args:
        new: A client of the new version, whose answers must be valid.
        old: A client of the version in service. If it fails, the answers differ.
        samples: Where the photos are.
        labels: What the new version may answer; empty if it does not say.

    Raises:
        UnexpectedReply: An answer of the new version is not valid.
        ClientError: The new version failed, other than by refusing a photo.
    """
    compared = agreeing = 0
    pairs = zip(
        new.predict_many(samples, _CONCURRENCY),
        old.predict_many(samples, _CONCURRENCY),
        strict=True,
    )
    for (path, answer), (_, former) in pairs:
        if isinstance(answer, ClientError):
            if not isinstance(answer, RequestRejected):
                raise answer
            compared += not isinstance(former, RequestRejected)
            continue
        _check(answer, path, labels)
        compared += 1
        agreeing += not isinstance(former, ClientError) and answer.label == former.label
    return Comparison(compared, agreeing)


def choose_samples(places: Sequence[Path], most: int) -> list[Path]:
    """Return image files: those named, and evenly spaced ones from folders.

    Which formats are accepted, the server knows: here an image is what the system calls one.

    Args:
        places: Files and folders.
        most: The largest number from one folder.

    Raises:
        LocalFileError: There is no image in a folder.
    """
    samples: list[Path] = []
    for place in places:
        if not place.is_dir():
            samples.append(place)
            continue
        found = images_in(place)
        count = min(most, len(found))
        samples += [found[index * len(found) // count] for index in range(count)]
    return samples


def images_in(folder: Path) -> list[Path]:
    """Return the images in a folder and those below it, in order of their paths.

    Raises:
        LocalFileError: There is none.
    """
    found = sorted(path for path in folder.rglob("*") if _is_named_as_image(path))
    if not found:
        raise LocalFileError(f"{folder}: there are no images in it; name a folder of photos")
    return found


def _is_named_as_image(path: Path) -> bool:
    kind, _ = mimetypes.guess_type(path.name, strict=False)  # which knows WebP before Python 3.13
    return kind is not None and kind.startswith("image/")


def _check(answer: Prediction, path: Path, labels: Sequence[str]) -> None:
    """Refuse an answer that is not a distribution over the labels, possibly cut to the top few."""
    values = [value for _, value in answer.scores]
    unknown = {name for name, _ in answer.scores} - set(labels) if labels else set()
    total = math.fsum(values)
    complete = not labels or len(values) == len(labels)
    if unknown:
        raise UnexpectedReply(f"unknown labels for {path}: {', '.join(sorted(unknown))}")
    if not all(0 <= value <= 1 for value in values):  # so that NaN fails too
        raise UnexpectedReply(f"its answer to {path} is not a probability: {values}")
    if total > 1 + _TOLERANCE or (complete and labels and total < 1 - _TOLERANCE):
        raise UnexpectedReply(f"its answer to {path} adds up to {total:.4g}, not 1")
