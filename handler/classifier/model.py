"""A model as it is served: loads the files of an unpacked archive and classifies image files.

Joins decoding, the runtime and the labels; knows neither protocols nor TorchServe.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier import reference
from classifier.answer_cache import AnswerCache
from classifier.answers import softmax
from classifier.batches import classify_in_order
from classifier.decoding import Decoder
from classifier.description import DESCRIPTION_FILE, read_description
from classifier.errors import ModelError
from classifier.labels import LABELS_FILE, read_labels
from classifier.meter import CACHE, INFERENCE_SECONDS, Meter
from classifier.runtimes import RUNTIMES, load_runtime
from classifier.similarity import (
    CLASS_MEANS_FILE,
    directions,
    read_array,
    read_class_means,
    similarity,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.batches import Job
    from classifier.images import Pixels
    from classifier.settings import Settings

    Jobs = Sequence[Job["Classification"]]

RUNTIME_FILE = "runtime.json"
CLASS_WEIGHTS_FILE = "class_weights.npy"
MIB = 2**20


@dataclass(frozen=True)
class RuntimeChoice:
    """`runtime.json`: the runtime that `archive` chose, and how exact it is.

    Attributes:
        runtime: One of `classifier.runtimes.RUNTIMES`.
        model_file: The file that the runtime loads.
        tolerance: Largest accepted difference from the reference answers, in probability.
        accuracy: The figures of the accuracy gate, for `describe`; empty if not measured.
    """

    runtime: str
    model_file: str
    tolerance: float
    accuracy: dict[str, float] = dataclasses.field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write `runtime.json`."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> RuntimeChoice:
        """Read `runtime.json`.

        Raises:
            ModelError: The file is missing or damaged, or names an unknown runtime.
        """
        try:
            choice = cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{path}: cannot read the choice of runtime: {error}") from error
        if choice.runtime not in RUNTIMES:
            raise ModelError(
                f"{path}: unknown runtime {choice.runtime!r}; choose one of {', '.join(RUNTIMES)}"
            )
        return choice


@dataclass(frozen=True)
class Classification:
    """The network's output for one image.

    Attributes:
        probabilities: float32 [C], summing to 1.
        pixels: uint8 RGB [H, W, 3], what the network saw.
        features: float32 [F, h, w], the last feature map.
    """

    probabilities: NDArray[np.float32]
    pixels: Pixels
    features: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self.probabilities.nbytes + self.pixels.nbytes + self.features.nbytes

    def copy(self) -> Classification:
        """Return one with arrays of its own, not parts of a batch's."""
        return Classification(self.probabilities.copy(), self.pixels.copy(), self.features.copy())


class Model:
    """The loaded model, with its pool of decoding threads; not for concurrent calls.

    Args:
        model_dir: The unpacked archive.
        settings: The handler's settings.
        threads: CPU threads for the network.
        batch_size: Most images per call of the network.
        gpu: Index of the worker's GPU; None for the CPU.
        meter: Where to count; None for a new one.
    """

    def __init__(  # noqa: PLR0913
        self,
        model_dir: Path,
        settings: Settings,
        *,
        threads: int,
        batch_size: int,
        gpu: int | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.settings, self.batch_size = settings, batch_size
        self._meter = meter or Meter()
        self.class_names = read_labels(model_dir / LABELS_FILE)
        self.description = read_description(model_dir / DESCRIPTION_FILE)
        self.choice = RuntimeChoice.read(model_dir / RUNTIME_FILE)
        self.class_weights = read_array(
            model_dir / CLASS_WEIGHTS_FILE, "the weights of the classes"
        )
        model_file = model_dir / self.choice.model_file
        self._runtime = load_runtime(self.choice.runtime, model_file, threads=threads, gpu=gpu)
        self._decoder = Decoder(self.description.preprocessing, settings, self._meter)
        self._cache: AnswerCache[Classification] = AnswerCache(MIB * settings.answer_cache_mib)
        self._class_directions = self._read_class_directions(model_dir / CLASS_MEANS_FILE)
        self._reject_below = self._threshold()
        self._expected = reference.read_reference(model_dir / reference.REFERENCE_FILE)

    def _read_class_directions(self, path: Path) -> NDArray[np.float32] | None:
        """Read the directions of the class means [C, F]; None if the model has none."""
        if self.description.similarity_below is None:
            return None
        means, expected = read_class_means(path), self.class_weights.shape
        if means.shape != expected:
            raise ModelError(
                f"{path}: holds class means of shape {means.shape}, the network's last layer has "
                f"{expected}: they belong to another model"
            )
        return directions(means)

    def _threshold(self) -> float:
        threshold = self.description.similarity_below
        if threshold is None:
            threshold = self.description.reject_below
        if self.settings.reject_unknown and threshold is None:
            raise ModelError(
                f"handler.reject_unknown is set, but {DESCRIPTION_FILE} has neither "
                "similarity_below nor reject_below: train the model again, or set "
                "reject_unknown to false"
            )
        return threshold or 0.0

    def classify(self, files: Sequence[bytes]) -> list[Classification | Exception]:
        """Classify image files; a bad one yields its error and does not affect the others."""
        return [result for (result,) in self.classify_requests([[file] for file in files])]

    def classify_requests(
        self, requests: Sequence[Sequence[bytes]], *, deadline: float = math.inf
    ) -> list[list[Classification | Exception]]:
        """Classify the images of several requests, each within its budget of work.

        Args:
            requests: The image files of each request.
            deadline: Reading of `time.monotonic` after which no further image is started.
        """
        return classify_in_order(
            requests,
            functools.partial(self._classify_chunk, deadline=deadline),
            chunk_size=self.batch_size,
            max_request_s=self.settings.max_request_decode_s,
        )

    def warm_up(self) -> None:
        """Compare the answers to the reference pictures, alone and in batches.

        Afterwards no batch is slow because it is the first of its size.

        Raises:
            ModelError: This machine's answers differ from the reference's.
        """
        names, pixels = reference.REFERENCE_NAMES, []
        for name in names:
            (answer,) = self.classify([reference.draw_png(name)])
            if isinstance(answer, Exception):
                raise ModelError(f"cannot read the reference picture {name}: {answer}") from answer
            self._compare(name, answer.probabilities)
            pixels.append(answer.pixels)
        for size in self._runtime.sizes_to_warm_up(self.batch_size):
            in_turn = [index % len(names) for index in range(size)]
            outputs = self._runtime.infer(np.stack([pixels[index] for index in in_turn]))
            for index, probabilities in zip(in_turn, softmax(outputs.logits), strict=True):
                self._compare(names[index], probabilities)

    def rejects(self, classification: Classification) -> bool | None:
        """Whether an image shows none of the classes; None if `reject_unknown` is off.

        It does if its similarity to the nearest class mean is below a threshold that all but a few
        validation photos reach. A model without class means uses the best probability instead
        (Hendrycks and Gimpel 2017, arXiv:1610.02136).
        """
        if not self.settings.reject_unknown:
            return None
        score = self.similarity(classification)
        if score is None:
            score = float(classification.probabilities.max())
        return score < self._reject_below

    def similarity(self, classification: Classification) -> float | None:
        """Return the similarity to the nearest class mean, -1..1; None without class means."""
        if self._class_directions is None:
            return None
        pooled = classification.features.mean(axis=(1, 2))  # [F]
        return float(similarity(pooled[np.newaxis], self._class_directions)[0])

    def _compare(self, name: str, probabilities: NDArray[np.float32]) -> None:
        expected = self._expected[name]
        if len(expected) != len(probabilities):
            raise ModelError(
                f"the model gives {len(probabilities)} classes, its reference answers have "
                f"{len(expected)}: they belong to another model"
            )
        difference = float(np.abs(probabilities - np.array(expected)).max())
        # Written so that NaN fails too.
        if not difference <= self.choice.tolerance:
            raise ModelError(
                f"the answer to the reference picture {name} differs by {difference:.4g} in "
                f"probability from the reference's; at most {self.choice.tolerance:g} is expected "
                f"of {self.choice.runtime}"
            )

    def _classify_chunk(self, jobs: Jobs, *, most_s: float, deadline: float) -> None:
        """Set the images' results; those that take longer than `most_s` to decode get none."""
        jobs = [job for job in jobs if not self._answered_before(job)]
        pixels, good = self._decoder.decode(jobs, most_s=most_s, deadline=deadline)
        if not good:
            return
        start = time.perf_counter()
        logits, features = self._runtime.infer(pixels)
        self._meter.observe(INFERENCE_SECONDS, time.perf_counter() - start)
        answers = zip(softmax(logits), pixels, features, strict=True)
        for index, answer in zip(good, answers, strict=True):
            jobs[index].result = result = Classification(*answer)
            if self._cache.max_bytes:
                self._cache.put(jobs[index].file, result.copy())

    def _answered_before(self, job: Job[Classification]) -> bool:
        """Set an image's result if the cache has it."""
        if not self._cache.max_bytes or job.decode_s:  # one that was opened has been looked up
            return False
        job.result = self._cache.get(job.file)
        self._meter.add(CACHE, "miss" if job.result is None else "hit")
        return job.result is not None
