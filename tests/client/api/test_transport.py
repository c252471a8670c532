"""Which requests are retried, and which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import MaxRetryError, ProtocolError

from client import errors
from client.api.exchange import Call
from client.api.transport import Patience, Transport
from tests.client import replies
from tests.client.fakes import URL, FakeTime, Script, reply, scripted_transport

if TYPE_CHECKING:
    from client.api.key_file import TokenKind

GET = Call("GET", "/ping")
RESET = requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104)))
REFUSED = requests.ConnectionError(MaxRetryError(None, "/", None))  # type: ignore[arg-type]
OK = reply(200, {"status": "Healthy"})
WORKER_DIED = reply(500, replies.WORKER_DIED)
OVERLOADED = reply(503, replies.OVERLOADED)
NO_ANSWER = requests.ReadTimeout("read timed out")


@pytest.mark.parametrize(
    "steps",
    [[RESET], [WORKER_DIED], [NO_ANSWER], [OVERLOADED] * 3, [RESET, WORKER_DIED]],
    ids=["reset", "worker died", "no answer", "overloaded", "reset, then worker died"],
)
def test_an_idempotent_call_survives_passing_failures(
    steps: list[requests.Response | Exception],
) -> None:
    script = Script(*steps, OK)

    assert scripted_transport(script).send(GET, idempotent=True) is OK
    assert len(script.sent) == len(steps) + 1


@pytest.mark.parametrize("step", [RESET, WORKER_DIED, NO_ANSWER, OVERLOADED])
def test_another_call_is_never_sent_twice(step: requests.Response | Exception) -> None:
    script = Script(step, OK)

    with pytest.raises(errors.ClientError):
        scripted_transport(script).send(GET, idempotent=False)
    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (reply(400, replies.NOT_AN_IMAGE), errors.RequestRejected),
        (reply(404, replies.NO_MODEL), errors.ModelNotFound),
        (reply(413, b""), errors.RequestRejected),
        (reply(503, replies.PREDICTION_FAILED), errors.ServerError),
        (requests.ConnectTimeout("connect timed out"), errors.ServerUnreachable),
        (REFUSED, errors.ServerUnreachable),
    ],
)
def test_what_would_fail_again_is_not_sent_again(
    step: requests.Response | Exception, expected: type[errors.ClientError]
) -> None:
    script = Script(step, OK)

    with pytest.raises(expected):
        scripted_transport(script).send(GET, idempotent=True)
    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([WORKER_DIED], errors.WorkerDied),
        ([NO_ANSWER], errors.TimedOut),
        ([NO_ANSWER, WORKER_DIED], errors.WorkerDied),
    ],
    ids=["worker died", "no answer", "no answer, then worker died"],
)
def test_a_photo_that_the_server_fails_on_is_sent_only_twice(
    steps: list[requests.Response | Exception], expected: type[errors.ClientError]
) -> None:
    script = Script(*steps)

    with pytest.raises(expected):
        scripted_transport(script).send(GET, idempotent=True)
    assert len(script.sent) == 2


def test_attempts_are_bounded_and_their_pauses_grow() -> None:
    script, time = Script(OVERLOADED), FakeTime()

    with pytest.raises(errors.Overloaded):
        scripted_transport(script, time=time).send(GET, idempotent=True)
    assert len(script.sent) == Patience().attempts
    assert time.pauses == [0.1, 0.2, 0.4, 0.8]  # half of the full pause, for jitter is 0


@given(st.integers(0, 50), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_between_half_and_all_of_its_bound(attempt: int, jitter: float) -> None:
    patience = Patience()
    full = min(patience.longest_pause_s, patience.first_pause_s * 2**attempt)

    assert full / 2 <= patience.pause_s(attempt, jitter) <= full


def test_the_deadline_covers_all_attempts() -> None:
    script, time = Script(OVERLOADED), FakeTime()
    patience = Patience(deadline_s=1.0, attempts=1000, first_pause_s=0.5)
    transport = Transport(
        URL,
        kind="inference",
        patience=patience,
        session=script.session(),
        clock=time,
        jitter=lambda: 0.0,
    )

    with pytest.raises(errors.Overloaded):
        transport.send(GET, idempotent=True)
    assert time.now < 1.0
    assert [read for _, read in script.timeouts] == [1.0, 0.75, 0.25]  # what is left each time


@pytest.mark.parametrize("step", [REFUSED, RESET, OVERLOADED], ids=["refused", "reset", "full"])
def test_an_outage_is_ridden_out_where_that_is_asked_for(
    step: requests.Response | Exception,
) -> None:
    script, time = Script(*[step] * 20, OK), FakeTime()

    assert patient(script, time, outage_s=60).send(GET, idempotent=True) is OK
    assert Patience().deadline_s > time.now > Patience().deadline_s / 5


def test_an_outage_that_lasts_longer_is_an_error() -> None:
    script, time = Script(REFUSED), FakeTime()

    with pytest.raises(errors.ServerUnreachable):
        patient(script, time, outage_s=20).send(GET, idempotent=True)
    assert 18 < time.now <= 20


def test_a_photo_that_ends_workers_is_sent_only_twice_in_an_outage_too() -> None:
    script, time = Script(WORKER_DIED), FakeTime()

    with pytest.raises(errors.WorkerDied):
        patient(script, time, outage_s=60).send(GET, idempotent=True)
    assert len(script.sent) == 2


def patient(script: Script, time: FakeTime, outage_s: float) -> Transport:
    return Transport(
        URL,
        kind="inference",
        patience=Patience(outage_s=outage_s),
        session=script.session(),
        clock=time,
        jitter=lambda: 0.0,
    )


class Keys:
    """A token source that hands out the given tokens, one after each rejection."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.rejected: list[str | None] = []

    def current(self, kind: TokenKind) -> str | None:  # noqa: ARG002
        """Return the first that is left."""
        return self.keys[0]

    def replace(self, kind: TokenKind, rejected: str | None) -> str | None:  # noqa: ARG002
        """Drop the first, and return the next."""
        self.rejected.append(rejected)
        self.keys.pop(0)
        return self.keys[0] if self.keys else None


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_rejected_token_is_replaced_once(idempotent: bool) -> None:
    script, keys = Script(reply(400, replies.INVALID_KEY), OK), Keys("old", "new")

    scripted_transport(script, tokens=keys).send(GET, idempotent=idempotent)

    assert script.authorizations == ["Bearer old", "Bearer new"]
    assert keys.rejected == ["old"]


def test_a_second_rejection_is_final() -> None:
    script, keys = Script(reply(400, replies.INVALID_KEY)), Keys("old", "new", "newer")

    with pytest.raises(errors.AuthenticationError):
        scripted_transport(script, tokens=keys).send(GET, idempotent=True)
    assert len(script.sent) == 2


def test_without_another_token_the_rejection_stands() -> None:
    script, keys = Script(reply(400, replies.INVALID_KEY)), Keys("old")

    with pytest.raises(errors.AuthenticationError):
        scripted_transport(script, tokens=keys).send(GET, idempotent=True)
    assert len(script.sent) == 1
