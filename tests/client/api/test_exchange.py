"""Faults on real connections: a small server that misbehaves in one way each."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from client.api.exchange import Call, exchange, new_session
from client.errors import ConnectionLost, ReplyError, ServerUnreachable, TimedOut
from tests.client.fakes import answering, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@contextmanager
def one_connection(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accept one connection, read its request, then `behave`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            behave(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()


def send(url: str, *, token: str | None = None, read_s: float = 5.0) -> requests.Response:
    with new_session(url) as session:
        return exchange(session, Call("GET", url), token=token, connect_s=5.0, read_s=read_s)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "behave",
    [reset, lambda _: None, lambda connection: connection.sendall(HEAD + b"half")],
    ids=["reset", "closed without a word", "closed in mid-answer"],
)
def test_a_broken_connection_is_lost(behave: Callable[[socket.socket], None]) -> None:
    with one_connection(behave) as url, pytest.raises(ConnectionLost):
        send(url)


def test_a_port_without_a_server_is_unreachable_and_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ServerUnreachable) as caught:
        send(f"http://127.0.0.1:{port}")
    assert not isinstance(caught.value, ConnectionLost)


@pytest.mark.parametrize("before", [b"", HEAD + b"half"], ids=["at once", "in mid-answer"])
def test_a_silent_server_times_out(before: bytes) -> None:
    done = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.sendall(before)
        done.wait()

    with one_connection(behave) as url:
        try:
            with pytest.raises(TimedOut):
                send(url, read_s=0.05)
        finally:
            done.set()


def test_a_redirect_is_not_followed() -> None:
    answer = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    with one_connection(lambda connection: connection.sendall(answer)) as url:
        with pytest.raises(ReplyError) as caught:
            send(url)
        assert caught.value.status == 302


def test_the_environment_replaces_neither_token_nor_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    seen: list[str] = []

    def answer(*request: Any) -> tuple[int, Any]:
        seen.append(request[3])
        return 200, {}

    with serving(answering(answer)) as url:
        send(url, token="abc")  # noqa: S106
        send(url)
    assert seen == ["Bearer abc", ""]
