"""The archive's model in two steps, for servers that decode while they infer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.lab.peers import models
from classifier.answers import softmax
from classifier.images import read_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.images import Pixels


class Pipeline:
    """Decoding for any thread, inference for one at a time."""

    def __init__(self, threads: int) -> None:
        self._model = models.open_model(threads)
        # Its own runtime, warmed up; a second one would need the same memory again.
        self._runtime = self._model._runtime  # noqa: SLF001
        self.class_names = self._model.class_names

    def decode(self, file: bytes) -> Pixels:
        """Decode and preprocess one image file, uint8 RGB [224, 224, 3]."""
        settings = self._model.settings
        return read_pixels(
            file,
            self._model.description.preprocessing,
            max_bytes=settings.max_image_bytes,
            max_pixels=settings.max_image_pixels,
        )

    def classify(self, pixels: Sequence[Pixels]) -> list[models.Answer]:
        """Classify the output of `decode`."""
        logits = self._runtime.infer(np.stack(pixels)).logits
        return [models.to_answer(row, self.class_names) for row in softmax(logits)]
