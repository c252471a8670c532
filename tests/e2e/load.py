"""Clients that keep sending requests while the server is changed, and what they saw."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import requests

from client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.served import Served

OURS, PLAIN = "our client", "plain client"


class Load:
    """Threads that send one request after the other, until they are told to stop.

    Each thread is a client of its own: ours, with its retries, or a plain one that sends each
    request once. Before each request it waits for `pause_s` seconds. `seen[client]` counts answers
    by what came: ``200``, another status, or an error's name.
    """

    def __init__(
        self, served: Served, picture: bytes, *, ours: int, plain: int, pause_s: float = 0.0
    ) -> None:
        self.seen: dict[str, Counter[str]] = {OURS: Counter(), PLAIN: Counter()}
        self._served, self._picture, self._pause_s = served, picture, pause_s
        self._stop, self._lock = threading.Event(), threading.Lock()
        kinds = [(OURS, self._ask_with_ours)] * ours + [(PLAIN, self._ask_plainly)] * plain
        self._threads = [
            threading.Thread(target=self._repeat, args=(name, make_ask)) for name, make_ask in kinds
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def total(self) -> Counter[str]:
        """Return the answers that all clients have seen until now."""
        return self.seen[OURS] + self.seen[PLAIN]

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Print what the clients saw while something was done, for `docs/operations.md`."""
        before = {name: counts.copy() for name, counts in self.seen.items()}
        yield
        for name, counts in self.seen.items():
            print(f"{what:<28} {name:<12} {dict(counts - before[name])}")  # noqa: T201

    def _repeat(self, name: str, make_ask: Callable[[], Callable[[], str]]) -> None:
        ask = make_ask()
        while not self._stop.wait(self._pause_s):
            answer = ask()
            with self._lock:
                self.seen[name][answer] += 1

    def _ask_with_ours(self) -> Callable[[], str]:
        client = self._served.inference

        def ask() -> str:
            try:
                client.predict(self._picture)
            except ClientError as error:
                return type(error).__name__
            return "200"

        return ask

    def _ask_plainly(self) -> Callable[[], str]:
        url = f"{self._served.url}/predictions/flowers"
        headers = {"Authorization": f"Bearer {self._served.tokens.current('inference')}"}
        session = requests.Session()

        def ask() -> str:
            try:
                reply = session.post(url, data=self._picture, headers=headers, timeout=60)
            except requests.RequestException as error:
                return type(error).__name__
            return str(reply.status_code)

        return ask
