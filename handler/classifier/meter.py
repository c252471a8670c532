"""Counts a worker's events in memory, for a publisher that collects the counts regularly.

Histograms have Prometheus' form: a cumulative counter for each upper bound `le`, and the sum and
count of the values. `classifier.reporting` publishes them.
"""

from __future__ import annotations

import itertools
import math
import threading
from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from classifier.errors import RequestError

# Upper bounds in seconds. A photo takes about 3 ms, a full batch up to 100 ms; between 2 and 100 ms
# a step is at most a factor of 1.6, so a quantile read from them is off by less than that.
_SECONDS = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1),
    *(0.15, 0.25, 0.5, 1.0, 2.5, 10.0),
)
HANDLE_SECONDS = "marigold_handle_seconds"
DECODE_SECONDS = "marigold_decode_seconds"
INFERENCE_SECONDS = "marigold_inference_seconds"
BATCH_REQUESTS = "marigold_batch_requests"
CONFIDENCE = "marigold_confidence"
BOUNDS: dict[str, tuple[float, ...]] = {
    HANDLE_SECONDS: _SECONDS,
    DECODE_SECONDS: _SECONDS,
    INFERENCE_SECONDS: _SECONDS,
    BATCH_REQUESTS: (1, 2, 4, 8, 12, 16, 24, 32, 64),
    # The probability of the best class: if it drops, the photos no longer resemble the training's.
    CONFIDENCE: (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
}

REQUESTS = "marigold_requests_total"
ERRORS = "marigold_errors_total"
PREDICTIONS = "marigold_predictions_total"
CLASS_CONFIDENCE = "marigold_class_confidence_total"
CACHE = "marigold_answer_cache_total"
MODEL_INFO = "marigold_model_info"  # a gauge that is always 1; its labels name what is served
# The label name of each counter.
LABELS = {
    REQUESTS: "status",
    ERRORS: "kind",
    PREDICTIONS: "class",
    CLASS_CONFIDENCE: "class",
    CACHE: "result",
}
KINDS = (*(kind.__name__ for kind in RequestError.__subclasses__()), "InternalError")


class Increment(NamedTuple):
    """The increase of a counter.

    Attributes:
        name: Name of the metric.
        label: Label value, such as a class or an upper bound; None if the metric has no label.
        amount: 0 or more.
    """

    name: str
    label: str | None
    amount: float


class Meter:
    """The counts since the last `take`; safe for one counting and one collecting thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset()

    def add(self, name: str, label: str, amount: float = 1) -> None:
        """Increase a counter."""
        with self._lock:
            self._counts[name, label] += amount

    def observe(self, name: str, value: float, times: int = 1) -> None:
        """Add a value to a histogram, as often as it occurred."""
        with self._lock:
            self._buckets[name, bisect_left(BOUNDS[name], value)] += times
            self._sums[name] += value * times

    def take(self) -> list[Increment]:
        """Return the increases since the last call, and reset them."""
        with self._lock:
            counts, buckets, sums = self._counts, self._buckets, self._sums
            self._reset()
        taken = [Increment(name, label, amount) for (name, label), amount in counts.items()]
        for name, total in sums.items():
            bounds = (*BOUNDS[name], math.inf)
            cumulative = list(itertools.accumulate(buckets[name, i] for i in range(len(bounds))))
            taken += [
                Increment(f"{name}_bucket", bound_label(bound), count)
                for bound, count in zip(bounds, cumulative, strict=True)
                if count
            ]
            taken.append(Increment(f"{name}_sum", None, total))
            taken.append(Increment(f"{name}_count", None, cumulative[-1]))
        return taken

    def _reset(self) -> None:
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._buckets: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._sums: defaultdict[str, float] = defaultdict(float)


def zeros(class_names: tuple[str, ...]) -> list[Increment]:
    """Return an increment of 0 for each series that is known in advance.

    A counter that appears with its first event hides that event from `rate()`.
    """
    series = [(ERRORS, kind) for kind in KINDS] + [(REQUESTS, "200")]
    series += [(CACHE, result) for result in ("hit", "miss")]
    series += [(name, label) for name in (PREDICTIONS, CLASS_CONFIDENCE) for label in class_names]
    known: list[Increment] = [Increment(name, label, 0) for name, label in series]
    for name, bounds in BOUNDS.items():
        known += [Increment(f"{name}_bucket", bound_label(b), 0) for b in (*bounds, math.inf)]
        known += [Increment(f"{name}_sum", None, 0), Increment(f"{name}_count", None, 0)]
    return known


def bound_label(bound: float) -> str:
    """Write an upper bound as Prometheus does."""
    return "+Inf" if math.isinf(bound) else repr(float(bound))
