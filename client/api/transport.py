"""Sends requests to one API of the server, and retries where that is safe, within a deadline.

Which failures are retried:

    ConnectionLost, Overloaded   if the call is idempotent (predictions, reads, scaling)
    ServerUnreachable            likewise, but only to ride out an outage (`outage_s`): if you
                                 forgot to start the server, you want to know at once
    WorkerDied                   likewise, but once: a photo that kills one worker kills another
    TimedOut                     likewise, but once: TorchServe sometimes loses a request when it
                                 removes its worker, but a slow server does not get faster
    AuthenticationError          once, with another token: the server refused to act
    everything else              never; a 4xx stays a 4xx

`client.api.inference` and `client.api.management` make the requests.
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
    """Timeouts and retries. All times in seconds.

    `read_s` limits the server's silence in one attempt, `deadline_s` all attempts and pauses
    together. A pause is between half and all of ``first_pause_s * 2 ** (attempts so far)``, so that
    clients that failed together do not retry together. During an outage of up to `outage_s`, such
    as a restart, `attempts` does not apply; the deadline does.
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
    """The connections to one API, and its token.

    Args:
        url: Base URL, without a slash at the end.
        kind: Which of the server's tokens this API requires.
        tokens: Where tokens come from; None sends none.
        patience: Times and number of attempts.
        session: Connections; tests pass a fake.
        clock: Measures pauses and the deadline.
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
        """Send a request, and retry where the module's rules allow it.

        Args:
            call: The request; its `url` is relative to this API's.
            idempotent: Whether serving it twice has the same effect as once.
            read_s: Longest silence, for calls that take longer than `patience` allows; extends
                the deadline accordingly.

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
        suspicions = 0  # that the request itself makes the server fail
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
            return None  # the request failed because of its token: report that error

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
