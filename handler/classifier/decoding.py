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
    """A pool of decoding threads.

    Args:
        preprocessing: Size of the results, and how much of each image they show.
        settings: Limits per image, and the number of threads.
        meter: Records the decoding times.
    """

    def __init__(self, preprocessing: Preprocessing, settings: Settings, meter: Meter) -> None:
        self._preprocessing, self._settings, self._meter = preprocessing, settings, meter
        self._pool = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")

    def decode(
        self, jobs: Sequence[Job[Any]], *, most_s: float, deadline: float
    ) -> tuple[Pixels, list[int]]:
        """Decode images; an image that fails gets its error as its result.

        Args:
            jobs: The images.
            most_s: Skip images whose estimated decoding time is longer, in seconds.
            deadline: Reading of `time.monotonic` after which no further image is started.

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
        """Decode a file into its slot of the batch; return whether that succeeded."""
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
        except Exception as error:  # noqa: BLE001  even a bug must not affect the other images
            job.result = error
            return False
        return True
