"""Keys are read, renewed before they expire, shared between processes, and never shown."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from client.api.exchange import Call
from client.api.key_file import read_key_file
from client.api.tokens import Tokens, find_tokens
from client.errors import ClientError, KeyFileError
from tests.client import replies
from tests.client.fakes import Script, reply, scripted_transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
MANAGEMENT = "http://127.0.0.1:8081"


def write_key_file(
    path: Path, inference: str = "inf-1", management: str = "man-1", *, minutes: float = 60
) -> None:
    # Java's Instant.toString(): nanoseconds, and Z for UTC
    end = (NOW + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.%f954Z")
    fields = {
        "management": {"key": management, "expiration time": end},
        "inference": {"key": inference, "expiration time": end},
        "API": {"key": "api-1"},
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(fields, indent=2))


class Renewals(Script):
    """The token API: does something to the key file, then answers as TorchServe does, emptily."""

    def __init__(self, rewrite: Callable[[], None]) -> None:
        super().__init__(reply(200, b"\n"))
        self._rewrite = rewrite

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Renew."""
        self._rewrite()
        return super().send(request, **kwargs)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key_file.json"
    write_key_file(path)
    return path


def tokens_of(path: Path, script: Script, now: datetime = NOW) -> Tokens:
    return Tokens(path, MANAGEMENT, session=script.session(), now=lambda: now, pause=lambda _: None)


def test_a_valid_key_is_used_as_it_is(key_file: Path) -> None:
    script = Script(reply())
    tokens = tokens_of(key_file, script, NOW + timedelta(minutes=59))

    assert (tokens.current("inference"), tokens.current("management")) == ("inf-1", "man-1")
    assert not script.sent


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620])
def test_keys_that_are_open_to_others_are_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeyFileError, match=f"open to others .mode {mode:04o}.*chmod 600") as caught:
        read_key_file(key_file)
    assert "inf-1" not in str(caught.value)


def test_keys_of_somebody_else_are_refused(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = key_file.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    monkeypatch.setattr("client.api.key_file._ROOT", -1)
    with pytest.raises(KeyFileError, match="belongs to somebody else"):
        read_key_file(key_file)
    monkeypatch.setattr("os.geteuid", lambda: 0)  # root looks after everybody's servers
    assert read_key_file(key_file).inference.value == "inf-1"


@pytest.mark.parametrize("kind", ["inference", "management"])
def test_a_key_is_renewed_before_it_ends(key_file: Path, kind: Any) -> None:
    script = Renewals(lambda: write_key_file(key_file, "inf-2", "man-2", minutes=120))
    tokens = tokens_of(key_file, script, NOW + timedelta(minutes=59, seconds=50))

    assert tokens.current(kind) == {"inference": "inf-2", "management": "man-2"}[kind]
    assert tokens.current(kind) is not None
    assert script.targets == [f"GET /token?type={kind}"]
    assert script.authorizations == ["Bearer api-1"]


def test_the_end_is_read_as_utc_even_if_it_does_not_say_so(key_file: Path) -> None:
    key_file.write_text(key_file.read_text().replace('954Z"', '"'))

    assert read_key_file(key_file).inference.expires_at == NOW + timedelta(minutes=60)


def test_another_process_that_renewed_first_is_believed(key_file: Path) -> None:
    script = Script(reply())
    tokens = tokens_of(key_file, script)
    write_key_file(key_file, "inf-2")  # by another process, which ended inf-1

    assert tokens.replace("inference", "inf-1") == "inf-2"
    assert not script.sent


def test_a_rejected_key_that_is_still_in_the_file_is_renewed(key_file: Path) -> None:
    script = Renewals(lambda: write_key_file(key_file, "inf-2"))

    assert tokens_of(key_file, script).replace("inference", "inf-1") == "inf-2"
    assert len(script.sent) == 1


def test_a_renewal_that_fails_leaves_the_last_seconds_of_a_key(key_file: Path) -> None:
    script = Script(reply(500, replies.WORKER_DIED))
    almost = NOW + timedelta(minutes=59, seconds=50)

    assert tokens_of(key_file, script, almost).current("inference") == "inf-1"
    with pytest.raises(ClientError):
        tokens_of(key_file, script, NOW + timedelta(minutes=61)).current("inference")


def test_a_file_that_is_being_rewritten_is_read_again(key_file: Path) -> None:
    whole = key_file.read_text()
    key_file.write_text("")
    parts = [whole[:50], whole]

    def write_on(_: float) -> None:
        key_file.write_text(parts.pop(0))

    keys = read_key_file(key_file, pause=write_on)

    assert keys.inference.value == "inf-1"


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"inference": {"key": "sesame"}}'])
def test_a_file_that_is_no_key_file_is_refused(key_file: Path, text: str) -> None:
    key_file.write_text(text)

    with pytest.raises(KeyFileError, match="no key file") as caught:
        read_key_file(key_file, pause=lambda _: None)
    assert "sesame" not in str(caught.value)


def test_without_a_file_no_token_is_sent(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path / "key_file.json", Script(reply()))

    assert tokens.current("inference") is None
    assert tokens.replace("inference", None) is None


def test_a_file_that_vanishes_while_it_is_read_is_no_file(key_file: Path) -> None:
    key_file.write_text("")  # a server is about to write it, and ends
    script = Script(reply())
    tokens = Tokens(
        key_file, MANAGEMENT, session=script.session(), pause=lambda _: key_file.unlink()
    )

    assert tokens.current("inference") is None


def test_the_environment_goes_before_the_file(key_file: Path) -> None:
    environ = {"MARIGOLD_INFERENCE_KEY": " given\n", "MARIGOLD_MANAGEMENT_KEY": ""}
    tokens = find_tokens(key_file.parent, MANAGEMENT, environ)
    key_file.write_text(key_file.read_text().replace("2026-11-24T07", "2999-11-24T07"))

    assert (tokens.current("inference"), tokens.current("management")) == ("given", "man-1")
    assert tokens.replace("inference", "given") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(key=st.text("ABCDEFGHabcdefgh0123456789_-", min_size=8, max_size=8))
def test_no_key_is_ever_shown(key_file: Path, caplog: pytest.LogCaptureFixture, key: str) -> None:
    """Law: whatever happens, no key stands in a repr, a log line or an error."""
    caplog.set_level(logging.DEBUG)
    write_key_file(key_file, f"i{key}", f"m{key}")
    key_file.write_text(key_file.read_text().replace("api-1", f"a{key}"))
    shown = [repr(read_key_file(key_file))]
    rejected = reply(400, replies.INVALID_KEY)
    lost = requests.ConnectionError("lost")

    outcomes: list[tuple[requests.Response | Exception, requests.Response | Exception]] = [
        (rejected, rejected),
        (lost, rejected),
        (reply(200, b""), lost),
    ]
    for renewals, calls in outcomes:
        tokens = tokens_of(key_file, Script(renewals), NOW)
        transport = scripted_transport(Script(calls), tokens=tokens)
        shown += [repr(tokens), repr(transport), repr(vars(tokens))]
        with pytest.raises(ClientError) as caught:
            transport.send(Call("GET", "/ping"), idempotent=True)
        shown += [str(caught.value), repr(caught.value)]
    with pytest.raises(ClientError) as caught:
        tokens_of(key_file, Script(rejected), NOW + timedelta(days=1)).current("management")
    shown += [str(caught.value), repr(caught.value)]

    assert key not in "\n".join(shown) + caplog.text
