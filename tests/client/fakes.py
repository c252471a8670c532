"""Stand-ins for the server: a scripted connection, and a small server on real sockets."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter

from client.api.clock import Clock
from client.api.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client.api.key_file import TokenKind
    from client.api.tokens import TokenSource

URL = "http://127.0.0.1:8080"


def reply(status: int = 200, body: Any = None) -> requests.Response:
    """A reply; a body that is no text or bytes becomes JSON."""
    response = requests.Response()
    response.status_code = status
    response._content = body_bytes(body)  # noqa: SLF001
    return response


def body_bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


class Script(BaseAdapter):
    """A requests adapter that plays replies and exceptions in turn; the last one repeats."""

    def __init__(self, *steps: requests.Response | Exception) -> None:
        super().__init__()
        self.steps = list(steps)
        self.sent: list[requests.PreparedRequest] = []
        self.timeouts: list[tuple[float, float]] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """Play the next step."""
        self.sent.append(request)
        self.timeouts.append(kwargs["timeout"])
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        """Nothing to close."""

    def session(self) -> requests.Session:
        """A session whose every request comes here."""
        session = requests.Session()
        session.mount("http://", self)
        return session

    @property
    def targets(self) -> list[str]:
        """What was asked: ``GET /models?limit=100``."""
        return [f"{request.method} {request.path_url}" for request in self.sent]

    @property
    def authorizations(self) -> list[str | None]:
        """The Authorization header of each request."""
        return [request.headers.get("Authorization") for request in self.sent]


class FakeTime(Clock):
    """A clock that only sleeping moves; `now` is what it shows."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def time(self) -> float:
        """Return the time, seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the time."""
        self.pauses.append(seconds)
        self.now += seconds


def scripted_transport(
    script: Script,
    *,
    kind: TokenKind = "inference",
    tokens: TokenSource | None = None,
    time: FakeTime | None = None,
) -> Transport:
    time = time or FakeTime()
    return Transport(
        URL,
        kind=kind,
        tokens=tokens,
        session=script.session(),
        clock=time,
        jitter=lambda: 0.0,
    )


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Serve on a loopback port, in threads; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(
    answer: Callable[[str, str, bytes, str], tuple[int, Any]],
) -> type[BaseHTTPRequestHandler]:
    """A handler that gives what `answer(method, path, body, authorization)` returns."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5  # an idle connection must not keep server_close() waiting

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, content = answer(
                self.command, self.path, body, self.headers.get("Authorization", "")
            )
            data = body_bytes(content)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    return Handler
