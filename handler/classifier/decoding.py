"""Decodes the images of a batch on a small pool of threads, each image within its limits."""

from __future__ import annotations

import functools
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.batches import too_late
from classifier.images import Pixels, decode_pixels
from classifier.meter import DECODE_SECONDS, Meter
from classifier.opening import open_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.batches import Job
    from classifier.description import Preprocessing
    from classifier.settings import Settings


class Decoder:
    """A pool of threads that decode.

    Args:
        preprocessing: How large the results are, and how much of the images they show.
        settings: Limits of an image, and how many threads.
        meter: Counts how long it takes.
    """

    def __init__(self, preprocessing: Preprocessing, settings: Settings, meter: Meter) -> None:
        self._preprocessing, self._settings, self._meter = preprocessing, settings, meter
        self._pool = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")

    def decode(
        self, jobs: Sequence[Job[Any]], *, most_s: float, deadline: float
    ) -> tuple[Pixels, list[int]]:
        """Decode images; those with an error have it as their result afterwards.

        Args:
            jobs: The images.
            most_s: Leave those alone whose decoding takes longer, by its estimate in seconds.
            deadline: Reading of `time.monotonic` from which no further image is begun.

        Returns:
            The pixels, uint8 RGB [n, crop, crop, 3], and the indices of their n jobs.
        """
        crop = self._preprocessing.crop
        batch = np.empty((len(jobs), crop, crop, 3), dtype=np.uint8)
        start = time.perf_counter()
        fill = functools.partial(self._fill, most_s=most_s, deadline=deadline)
        filled = list(self._pool.map(fill, batch, jobs))
        self._meter.observe(DECODE_SECONDS, time.perf_counter() - start)
        good = [index for index, is_filled in enumerate(filled) if is_filled]
        return (batch if len(good) == len(batch) else batch[good]), good

    def _fill(self, place: Pixels, job: Job[Any], *, most_s: float, deadline: float) -> bool:
        """Decode a file into its place in the batch; return whether that was done."""
        limits = self._settings
        if time.monotonic() >= deadline:
            job.result = too_late(limits.deadline_s)
            return False
        try:
            opened = open_image(
                job.file,
                max_bytes=limits.max_image_bytes,
                max_pixels=limits.max_image_pixels,
                max_decode_s=limits.max_image_decode_s,
            )
            job.decode_s = opened.decode_s
            if opened.decode_s > most_s:
                return False
            place[:] = decode_pixels(opened, self._preprocessing)
        except Exception as error:  # noqa: BLE001  a bug, too, must not reach the other images
            job.result = error
            return False
        return True
