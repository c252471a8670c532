"""Sends photos to the server, and times it.

The tabs show the answers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from client.api.metrics import MetricsClient
from client.errors import ClientError
from ui.folders import shown_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from client.api.inference import Prediction
    from client.api.metrics import Times
    from client.connection import Connection

# TorchServe counts a request as it sends the answer, so the count may lag by a moment.
_READINGS = 10
_PAUSE_S = 0.02


@dataclass(frozen=True)
class Outcome:
    """The result for one photo: a prediction, or the error to show."""

    path: Path
    result: Prediction | ClientError

    @property
    def name(self) -> str:
        """The file's original name, below the folder that it came in, if it came in one."""
        return shown_name(self.path)


@dataclass(frozen=True)
class Answer:
    """The results for the photos of one batch.

    `seconds` is the total round trip time. `spent` is what the server's metrics report for the
    requests it answered meanwhile, including other clients'; None if they report nothing, with the
    reason in `silence`.
    """

    outcomes: tuple[Outcome, ...]
    seconds: float
    spent: Times | None = None
    silence: str = ""


def ask(connection: Connection, paths: Sequence[Path], version: str | None = None) -> Answer:
    """Classify photos, several at a time; one that fails does not affect the others."""
    client = connection.inference(version)
    start = time.perf_counter()
    results = tuple(Outcome(path, result) for path, result in client.predict_many(paths))
    return Answer(results, time.perf_counter() - start)


def ask_with_times(connection: Connection, paths: Sequence[Path]) -> Answer:
    """Classify photos, and read from the server's metrics how long it took."""
    metrics, model = MetricsClient(connection.addresses.metrics), connection.model
    try:
        before = metrics.times(model)
    except ClientError as error:
        answer = ask(connection, paths)
        return Answer(answer.outcomes, answer.seconds, silence=str(error))
    answer = ask(connection, paths)
    try:
        spent = _settled(metrics, model, before, len(paths))
    except ClientError as error:
        return Answer(answer.outcomes, answer.seconds, silence=str(error))
    return Answer(answer.outcomes, answer.seconds, spent if spent.answered else None)


def _settled(metrics: MetricsClient, model: str, before: Times, requests: int) -> Times:
    """Read the metrics until they count the requests, or until attempts run out."""
    for reading in count(1):
        spent = metrics.times(model).since(before)
        if spent.answered >= requests or reading == _READINGS:
            return spent
        time.sleep(_PAUSE_S)
    raise AssertionError("unreachable")
