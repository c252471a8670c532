"""Sends requests to one API of the server, again where that is safe, within a deadline.

Which failures are tried again:

    ConnectionLost, Overloaded   if the call is idempotent (predictions, reads, scaling)
    ServerUnreachable            likewise, but only to ride out an outage (`outage_s`): who forgot
                                 to start the server wants to hear of it at once
    WorkerDied                   likewise, but once: a photo that ends one worker ends the next too
    TimedOut                     likewise, but once: TorchServe forgets a request now and then when
                                 it takes its worker away; but a slow server gets no faster
    AuthenticationError          once, with another token: the server refused to act
    everything else              never; a 4xx stays a 4xx

Not responsible for what is asked: see `client.api.inference` and `client.api.management`.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.api.exchange import Call, exchange, new_session
from client.errors import (
    AuthenticationError,
    ClientError,
    ConnectionLost,
    Overloaded,
    ServerUnreachable,
    TimedOut,
    WorkerDied,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from client.api.key_file import TokenKind
    from client.api.tokens import TokenSource

_log = logging.getLogger(__name__)

_ONCE = (WorkerDied, TimedOut)
_PASSING = (ConnectionLost, Overloaded, *_ONCE)
_PASSING_WITH_AN_OUTAGE = (ServerUnreachable, *_PASSING)


@dataclass(frozen=True)
class Patience:
    """How long to wait and how often to try. All times in seconds.

    `read_s` bounds the server's silence in one attempt, `deadline_s` all attempts and pauses
    together. A pause is between half and all of ``first_pause_s * 2 ** (attempts so far)``, so that
    clients that failed together do not come back together. An outage of up to `outage_s`, such as a
    restart, is ridden out with more than `attempts`, within the deadline.
    """

    connect_s: float = 3.0
    read_s: float = 30.0
    deadline_s: float = 60.0
    attempts: int = 5
    first_pause_s: float = 0.2  # four pauses, up to 3 s: a dead worker is back by then
    longest_pause_s: float = 2.0
    outage_s: float = 0.0

    def pause_s(self, attempt: int, jitter: float) -> float:
        """Return the pause after attempt 0, 1, ...; `jitter` is in [0, 1)."""
        full: float = min(self.longest_pause_s, self.first_pause_s * 2**attempt)
        return full * (0.5 + jitter / 2)


class Transport:
    """The connections to one API, and the token that it asks for.

    Args:
        url: Base URL, without a slash at the end.
        kind: Which of the server's tokens this API wants.
        tokens: Where tokens come from; None sends none.
        patience: Times and number of attempts.
        session: Connections; tests give one that answers by itself.
        clock: What pauses and the deadline go by.
        jitter: Random numbers in [0, 1).
    """

    def __init__(  # noqa: PLR0913
        self,
        url: str,
        *,
        kind: TokenKind,
        tokens: TokenSource | None = None,
        patience: Patience | None = None,
        session: requests.Session | None = None,
        clock: Clock = MACHINE,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.url, self.patience = url, patience or Patience()
        self._kind, self._tokens = kind, tokens
        self._session = session or new_session(url)
        self._clock, self._jitter = clock, jitter

    def send(
        self, call: Call, *, idempotent: bool, read_s: float | None = None
    ) -> requests.Response:
        """Send a request, again where the module's rules allow it.

        Args:
            call: What to ask; its `url` is relative to this API's.
            idempotent: Whether being served twice does no more than being served once.
            read_s: Longest silence, where the call takes longer than `patience` expects; the
                deadline moves with it.

        Raises:
            ClientError: The last failure; see `client.api.exchange.exchange`.
        """
        patience = self.patience
        if read_s is not None:
            patience = replace(patience, read_s=read_s, deadline_s=max(patience.deadline_s, read_s))
        call = replace(call, url=self.url + call.url)
        start = self._clock.time()
        end = start + patience.deadline_s
        passing = _PASSING_WITH_AN_OUTAGE if patience.outage_s else _PASSING
        suspicions = 0  # that the request itself is what the server fails on
        for attempt in count():
            try:
                return self._send_authorized(call, patience, end)
            except passing as error:
                suspicions += isinstance(error, _ONCE)
                pause = patience.pause_s(attempt, self._jitter())
                now = self._clock.time() + pause
                is_last = attempt + 1 >= patience.attempts and now > start + patience.outage_s
                if not idempotent or is_last or suspicions > 1 or now >= end:
                    raise
                _log.info("trying again in %.1f s: %s", pause, error)
                self._clock.sleep(pause)
        raise AssertionError("unreachable")

    def _send_authorized(self, call: Call, patience: Patience, end: float) -> requests.Response:
        token = self._tokens.current(self._kind) if self._tokens else None
        try:
            return self._send_once(call, token, patience, end)
        except AuthenticationError as error:
            other = self._other_token(token)
            if other is None:
                raise
            _log.info("trying again with another %s token: %s", self._kind, error.message)
        return self._send_once(call, other, patience, end)

    def _other_token(self, rejected: str | None) -> str | None:
        try:
            return self._tokens.replace(self._kind, rejected) if self._tokens else None
        except ClientError as error:
            _log.info("no new %s token: %s", self._kind, error)
            return None  # what the caller asked for failed on its token: that is the error to tell

    def _send_once(
        self, call: Call, token: str | None, patience: Patience, end: float
    ) -> requests.Response:
        left = max(end - self._clock.time(), 0.001)  # requests refuses a timeout of 0
        return exchange(
            self._session,
            call,
            token=token,
            connect_s=min(patience.connect_s, left),
            read_s=min(patience.read_s, left),
        )
