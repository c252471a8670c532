"""Measures a form of a network on photos decoded once, against float32's answers to them.

The limits that it must keep are in `archive.gate`.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from archive import gate
from archive.optimise import write_runtime
from archive.photos import read_photos
from classifier.cores import usable_cores
from classifier.similarity import CLASS_MEANS_FILE, directions, read_class_means, similarity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archive.source import Source

_EXACT = "openvino-fp32"  # the reference for all others


class Exam:
    """The photos of a model's classes, and float32's answers to them.

    Args:
        source: The checked model.
        data_url: The data set; its classes are matched to the model's by name.

    Raises:
        BuildError: Its classes are not the model's.
    """

    def __init__(self, source: Source, data_url: Path) -> None:
        self._source = source
        self.calibration, self._val = read_photos(
            data_url, source.class_names, source.description.preprocessing
        )

    def take(self, runtime: str, model_file: Path) -> gate.Figures:
        """Measure a form on the validation photos, and against float32."""
        answers = gate.predict(runtime, model_file, self._val.pixels, usable_cores())
        rejects = self._false_rejects(answers.features)
        return gate.compare(answers, self._fp32, self._val, rejects)

    @functools.cached_property
    def _fp32(self) -> gate.Answers:
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / write_runtime(_EXACT, self._source, Path(temporary))
            return gate.predict(_EXACT, file, self._val.pixels, usable_cores())

    def _false_rejects(self, features: NDArray[np.float32]) -> float | None:
        """Return the share of photos with these pooled features [N, F] that would be rejected."""
        below = self._source.description.similarity_below
        if below is None:
            return None
        means = read_class_means(self._source.folder / CLASS_MEANS_FILE)
        return float((similarity(features, directions(means)) < below).mean())
