"""Decides in which order the images of a batch are decoded, and which are refused.

The requests of a batch are answered together, so each waits for the most expensive one. Images that
are quick to decode go first, taken from the requests in turn; then the others, request by request.
So a request with a few small photos gets its answers, whatever its neighbours contain.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from classifier.errors import Overloaded, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

# Images estimated to decode within this many seconds, such as a 12-megapixel JPEG, are decoded as
# soon as they are opened. Costlier ones wait until the total for their request is known.
QUICK_S = 0.15

Result = TypeVar("Result")


@dataclass
class Job(Generic[Result]):
    """One image of a batch, and how far it has got.

    Attributes:
        file: The contents of the image file.
        request: Index of its request in the batch.
        decode_s: Estimated decoding time in seconds; 0 until the image is opened.
        result: Its answer or error; None while it has neither.
    """

    file: bytes
    request: int
    decode_s: float = 0.0
    result: Result | Exception | None = None


class ClassifyChunk(Protocol, Generic[Result]):
    """Sets the images' results; those that take longer than `most_s` to decode may get none."""

    def __call__(self, jobs: Sequence[Job[Result]], *, most_s: float) -> None:
        """Classify these images; `most_s` is in seconds."""
        ...


def classify_in_order(
    requests: Sequence[Sequence[bytes]],
    classify_chunk: ClassifyChunk[Result],
    *,
    chunk_size: int,
    max_request_s: float,
) -> list[list[Result | Exception]]:
    """Classify the images of several requests; return their results in the requests' order.

    Args:
        requests: The image files of each request.
        classify_chunk: Classifies up to `chunk_size` images.
        chunk_size: Most images per call of `classify_chunk`.
        max_request_s: Longest estimated decoding time of all images of a request, in seconds.
    """
    jobs: list[list[Job[Result]]] = [
        [Job(file, index) for file in files] for index, files in enumerate(requests)
    ]
    order = _in_turn(jobs)
    for start in range(0, len(order), chunk_size):
        chunk = [job for job in order[start : start + chunk_size] if job.result is None]
        if chunk:
            classify_chunk(chunk, most_s=QUICK_S)
        _refuse_too_dear(order, max_request_s)
    left = _smallest_request_first(order)
    for start in range(0, len(left), chunk_size):
        classify_chunk(left[start : start + chunk_size], most_s=math.inf)
    return [[job.result for job in of_one if job.result is not None] for of_one in jobs]


def _in_turn(jobs: Sequence[Sequence[Job[Result]]]) -> list[Job[Result]]:
    """Order the images of all requests: the first of each, then the second of each, and so on."""
    rounds = itertools.zip_longest(*jobs)
    return [job for jobs_of_round in rounds for job in jobs_of_round if job is not None]


def _refuse_too_dear(jobs: Sequence[Job[Result]], max_request_s: float) -> None:
    """Refuse the remaining images of requests whose images together take too long to decode."""
    totals = _totals(jobs)
    for job in jobs:
        total_s = totals[job.request]
        if job.result is None and total_s > max_request_s:
            job.result = TooLarge(
                expected=f"images that decode in about {max_request_s:g} s at most",
                found=f"images that take about {total_s:.0f} s or more",
                remedy="spread them over several requests, or send them at a smaller size",
                where="all images together",
            )


def _smallest_request_first(jobs: Sequence[Job[Result]]) -> list[Job[Result]]:
    """Order the images that have no result yet, keeping each request's images together.

    So some requests are complete at the deadline, instead of each missing an image.
    """
    totals = _totals(jobs)
    left = [job for job in jobs if job.result is None]
    return sorted(left, key=lambda job: (totals[job.request], job.request, job.decode_s))


def _totals(jobs: Sequence[Job[Result]]) -> dict[int, float]:
    """Add up the known estimates of each request, in seconds."""
    totals: defaultdict[int, float] = defaultdict(float)
    for job in jobs:
        totals[job.request] += job.decode_s
    return totals


def too_late(deadline_s: float) -> Overloaded:
    """Return the error for an image that was not started before its batch's deadline."""
    return Overloaded(
        expected=f"a turn within {deadline_s:g} s",
        found="images of this or other requests that take longer",
        remedy="send again, with fewer or smaller images if there are several",
    )
