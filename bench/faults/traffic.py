"""Clients that keep sending requests while something breaks, and what they saw.

plain      sends each request once, with the current token from the key file
ours       `client.InferenceClient` with its defaults: retries for about three seconds
patient    the same with `outage_s`: keeps retrying while the server restarts
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, pairwise
from typing import TYPE_CHECKING, Literal, Self

from bench.lab.errors import LoadFailed
from client.api.exchange import Call, exchange, new_session
from client.api.inference import InferenceClient
from client.api.key_file import read_own_key
from client.errors import (
    ClientError,
    ConnectionLost,
    KeyFileError,
    ReplyError,
    ServerUnreachable,
    TimedOut,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.faults.stage import Stage

Kind = Literal["plain", "ours", "patient"]
OUTAGE_S = 120.0
WELL = "200"
_CONNECT_S, _TIMEOUT_S = 3.0, 60.0
_SETTLE_S = 300.0
_PAUSE_S = 0.05  # after a failure, so as not to hammer a server that is down


@dataclass(frozen=True)
class Answer:
    """The outcome of one call, which may be several requests; times by `time.monotonic`."""

    kind: Kind
    sent_s: float
    done_s: float
    outcome: str


class Traffic:
    """Clients of all kinds, each in a thread, for a `with` block.

    Args:
        stage: The server.
        photos: Photos to send, in turn.
        clients: Number of clients of each kind.
    """

    def __init__(self, stage: Stage, photos: Sequence[bytes], clients: dict[Kind, int]) -> None:
        self._stage, self._photos = stage, cycle(photos)
        self._answers: list[Answer] = []
        self._done = threading.Event()
        self._news = threading.Condition()
        self._threads = [
            threading.Thread(target=self._keep_asking, args=(kind,), daemon=True)
            for kind, count in clients.items()
            for _ in range(count)
        ]
        self.fault_s = time.monotonic()
        self._streak = 0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def mark(self) -> None:
        """Record that the fault is injected now."""
        with self._news:
            self.fault_s, self._streak = time.monotonic(), 0

    def add(self, answers: Iterable[Answer]) -> None:
        """Add answers, including those of other clients."""
        with self._news:
            for answer in answers:
                self._answers.append(answer)
                if answer.kind == "plain" and answer.outcome != WELL:
                    self._streak = 0
                elif answer.kind == "plain" and answer.sent_s > self.fault_s:
                    self._streak += 1
            self._news.notify_all()

    def wait_until_well(self, streak: int, timeout_s: float = _SETTLE_S) -> float:
        """Wait until plain clients got `streak` good answers in a row, requested after the mark.

        Returns:
            Seconds from the mark to the first of them.

        Raises:
            LoadFailed: The server did not recover in time.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._streak >= streak, timeout_s):
                outcomes = dict(self.outcomes("plain"))
                raise LoadFailed(f"not well {timeout_s:.0f} s after the fault: {outcomes}")
        later = self._since("plain")
        bad_s = max((a.done_s for a in later if a.outcome != WELL), default=self.fault_s)
        good = (a.done_s for a in later if a.sent_s > self.fault_s and a.done_s > bad_s)
        return min(good) - self.fault_s

    def outcomes(self, kind: Kind) -> Counter[str]:
        """Count outcomes of one kind of client for requests in flight at the mark, or later."""
        return Counter(answer.outcome for answer in self._since(kind))

    def gap_s(self) -> float:
        """Return the longest time after the mark without a good answer to a plain client."""
        times = sorted(a.done_s for a in self._since("plain") if a.outcome == WELL)
        return max((b - a for a, b in pairwise([self.fault_s, *times])), default=0.0)

    def _since(self, kind: Kind) -> list[Answer]:
        return [a for a in list(self._answers) if a.kind == kind and a.done_s > self.fault_s]

    def _keep_asking(self, kind: Kind) -> None:
        ask = self._client(kind)
        while not self._done.is_set():
            start, photo = time.monotonic(), next(self._photos)
            try:
                ask(photo)
                outcome = WELL
            except ClientError as error:
                outcome = told(error)
            self.add([Answer(kind, start, time.monotonic(), outcome)])
            if outcome != WELL:
                self._done.wait(_PAUSE_S)

    def _client(self, kind: Kind) -> Callable[[bytes], object]:
        if kind == "plain":
            return Plain(self._stage).predict
        return InferenceClient(
            self._stage.addresses.inference,
            self._stage.model,
            tokens=self._stage.tokens(),
            outage_s=OUTAGE_S if kind == "patient" else 0.0,
        ).predict


class Plain:
    """Sends a photo once, with the current token from the key file, as curl would."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._url = f"{stage.addresses.inference}/predictions/{stage.model}"
        self._session = new_session(self._url)
        self._token: str | None = None

    def predict(self, photo: bytes) -> None:
        """Send one request.

        Raises:
            ClientError: The answer was not 2xx, or none came.
        """
        with suppress(KeyFileError):  # while the server is down, the last key stays
            self._token = read_own_key(self._stage.run.key_file)
        call = Call("POST", self._url, body=photo, headers={"Content-Type": "image/jpeg"})
        exchange(self._session, call, token=self._token, connect_s=_CONNECT_S, read_s=_TIMEOUT_S)


def told(error: ClientError) -> str:
    """Name what a client got: a status, or why there was none."""
    match error:
        case ReplyError():
            return str(error.status)
        case TimedOut():
            return "no answer"
        case ConnectionLost():
            return "broken off"
        case ServerUnreachable():
            return "no connection"
    return type(error).__name__
