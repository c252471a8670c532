"""An HTTP proxy in front of the S3 endpoint that causes the faults a test requests."""

from __future__ import annotations

import contextlib
import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Fault:
    """Harm to requests.

    Attributes:
        method: Of the requests.
        path: A part of their path.
        times: How many of them.
        status: Answer with this status and `code`, and forward nothing.
        code: The storage's own code for it.
        cut_after: Forward, but break the connection after so many bytes of the body.
        flip: Forward, but change the last byte of the body.
        before: Forward, after calling this.
    """

    method: str
    path: str
    times: int = 1
    status: int = 0
    code: str = ""
    cut_after: int | None = None
    flip: bool = False
    before: Callable[[], None] | None = None


@dataclass
class Proxy:
    """The running proxy: what passed through it, and what is to go wrong."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def count(self, method: str, path: str = "") -> int:
        """Count the requests of a method whose path contains `path`."""
        return sum(method == name and path in seen for name, seen, _ in self.requests)


@contextlib.contextmanager
def running_proxy(target: str) -> Iterator[Proxy]:  # noqa: C901 - the handler is a class in it
    """Run a proxy on a free loopback port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                proxy.requests.append((self.command, self.path, headers))
                fault = _take(proxy.faults, self.command, self.path)
            if fault and fault.before:
                fault.before()
            if fault and fault.status:
                text = f"<Error><Code>{fault.code}</Code><Message>as asked</Message></Error>"
                self._reply(fault.status, {}, text.encode(), None)
                return
            status, reply_headers, content = self._forward(body)
            if fault and fault.flip:
                content = content[:-1] + bytes([content[-1] ^ 1])
            self._reply(status, reply_headers, content, fault.cut_after if fault else None)

        def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            place = urlsplit(target)
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
            with contextlib.closing(connection):
                connection.request(self.command, self.path, body, dict(self.headers))
                reply = connection.getresponse()
                return reply.status, dict(reply.getheaders()), reply.read()

        def _reply(
            self, status: int, headers: dict[str, str], content: bytes, cut_after: int | None
        ) -> None:
            self.send_response(status)
            ours = {"content-length", "connection", "transfer-encoding", "date", "server"}
            for name, value in headers.items():
                if name.lower() not in ours:
                    self.send_header(name, value)
            length = headers.get("Content-Length", "0")
            self.send_header(
                "Content-Length", length if self.command == "HEAD" else str(len(content))
            )
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content if cut_after is None else content[:cut_after])
            self.close_connection = cut_after is not None

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _take(faults: list[Fault], method: str, path: str) -> Fault | None:
    for fault in faults:
        if fault.times and fault.method == method and fault.path in path:
            fault.times -= 1
            return fault
    return None
