"""Measures a form of a network on photos decoded once, against the most exact form's answers.

The limits that it must keep are in `archive.gate`.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archive import gate
from archive.errors import BuildError
from archive.optimise import write_runtime
from archive.photos import read_photos
from classifier.answers import softmax
from classifier.cores import usable_cores
from classifier.reference import REFERENCE_FILE, REFERENCE_NAMES, read_reference, write_reference
from classifier.runtimes import RUNTIMES, load_runtime
from classifier.similarity import CLASS_MEANS_FILE, directions, read_class_means, similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archive.source import Source

EXACT = "openvino-fp32"  # the standard for all others


class Measured(NamedTuple):
    """A form's figures, and the photos that its network computes a second on this machine."""

    figures: gate.Figures
    photos_per_s: float


class Exam:
    """The photos of a model's classes, and float32's answers to them.

    Args:
        source: The checked model.
        data_url: The data set; its classes are matched to the model's by name.
        exact: The exam of the same photos whose float32 answers are the standard; this one if None.

    Raises:
        BuildError: Its classes are not the model's, or float32's answers to the reference pictures
            are not the evaluation's.
    """

    def __init__(self, source: Source, data_url: Path, exact: Exam | None = None) -> None:
        self._source = source
        self._exact = exact or self
        self._photos = read_photos(data_url, source.class_names, source.description.preprocessing)
        self.calibration = self._photos.calibration

    def take(self, runtime: str, model_file: Path) -> Measured:
        """Measure a form on validation and training photos, and against float32."""
        val, train = self._fp32 if runtime == EXACT else self._answers(runtime, model_file)
        exact_val, exact_train = self._exact._fp32  # noqa: SLF001
        figures = gate.compare(val, exact_val, self._photos.val, self._false_rejects(val.features))
        figures = gate.with_training(figures, train, exact_train, self._photos.train)
        return Measured(figures, val.photos_per_s)

    def write_reference(self, runtime: str, model_file: Path, path: Path) -> None:
        """Write a form's own answers to the reference pictures.

        A form that agrees with float32 on photos may be far from it on drawings, which look like no
        photo: a machine that serves it is held to what the form gave here.
        """
        answers = self._answers_to_drawings(runtime, model_file)
        write_reference(path, dict(zip(REFERENCE_NAMES, answers, strict=True)))

    def _answers_to_drawings(self, runtime: str, model_file: Path) -> NDArray[np.float32]:
        """Return the probabilities [6, C] that a form gives to the reference pictures."""
        from train.model_folder import picture_pixels  # noqa: PLC0415  imports PyTorch

        preprocessing = self._source.description.preprocessing
        pictures = np.stack([picture_pixels(name, preprocessing) for name in REFERENCE_NAMES])
        outputs = load_runtime(runtime, model_file, threads=usable_cores()).infer(pictures)
        return softmax(outputs.logits)

    def _check_exact(self, model_file: Path) -> None:
        """Check the standard itself against the evaluation's answers."""
        path = self._source.folder / REFERENCE_FILE
        table = read_reference(path)
        expected = np.array([table[name] for name in REFERENCE_NAMES])
        difference = float(np.abs(self._answers_to_drawings(EXACT, model_file) - expected).max())
        tolerance = RUNTIMES[EXACT].tolerance
        if not difference <= tolerance:  # so that NaN fails too
            raise BuildError(
                f"{self._source.folder}: through {EXACT}, answers to the reference pictures "
                f"differ by {difference:.4g} in probability from those in {path.name}; rounding "
                f"explains {tolerance:g}: the files do not belong together, or OpenVINO does not "
                "compute this network right; RUNTIME=torch-fp32 serves it through PyTorch"
            )

    def _answers(self, runtime: str, model_file: Path) -> tuple[gate.Answers, gate.Answers]:
        pixels = [*self._photos.val.pixels, *self._photos.train.pixels]
        answers = gate.predict(runtime, model_file, pixels, usable_cores())
        count = len(self._photos.val.pixels)
        return (
            answers._replace(classes=answers.classes[:count], features=answers.features[:count]),
            answers._replace(classes=answers.classes[count:], features=answers.features[count:]),
        )

    @functools.cached_property
    def _fp32(self) -> tuple[gate.Answers, gate.Answers]:
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / write_runtime(EXACT, self._source, Path(temporary))
            self._check_exact(file)
            return self._answers(EXACT, file)

    def _false_rejects(self, features: NDArray[np.float32]) -> float | None:
        """Return the share of photos with these pooled features [N, F] that would be rejected."""
        below = self._source.description.similarity_below
        if below is None:
            return None
        means = read_class_means(self._source.folder / CLASS_MEANS_FILE)
        return float((similarity(features, directions(means)) < below).mean())
