"""One keep-alive HTTP/1.1 connection with one request at a time, on a bare asyncio transport.

It parses as much of a reply as a load generator needs: the status, and where the body ends.
aiohttp or httpx would do more but use several times the CPU, on the cores that are measured.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"


class Reply(NamedTuple):
    """A status code, and the raw body, chunk sizes included."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """Sends prepared requests; not for concurrent use."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._buffer = bytearray()
        self._end = -1  # length of the whole reply; -1 while the head is incomplete
        self._body_start = 0
        self._chunked = self._close = False

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Connect.

        Raises:
            OSError: The connection was refused or failed.
        """
        _, protocol = await asyncio.get_running_loop().create_connection(cls, host, port)
        return protocol

    async def ask(self, request: bytes) -> Reply:
        """Send a complete request and wait for the complete reply.

        Raises:
            ConnectionError: The server closed the connection before or during its reply.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._reply

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close at once."""
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by asyncio."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  for the type checker
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request in flight; called by asyncio."""
        if self._reply and not self._reply.done():
            self._reply.set_exception(ConnectionResetError(f"closed by the server ({exc})"))

    def data_received(self, data: bytes) -> None:
        """Collect a reply; called by asyncio."""
        self._buffer += data
        if self._end < 0 and not self._chunked:
            self._read_head()
        if self._chunked and self._buffer.endswith(_LAST_CHUNK):
            self._end = len(self._buffer)
        if 0 <= self._end <= len(self._buffer):
            self._finish()

    def _read_head(self) -> None:
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0:
            return
        self._body_start = head_end + len(_HEAD_END)
        length = 0
        for line in bytes(self._buffer[:head_end]).lower().split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            match name, value.strip():
                case b"content-length", digits:
                    length = int(digits)
                case b"transfer-encoding", b"chunked":
                    self._chunked = True
                case b"connection", b"close":
                    self._close = True
        if not self._chunked:
            self._end = self._body_start + length

    def _finish(self) -> None:
        status = int(self._buffer[9:12])  # "HTTP/1.1 200 OK"
        body = bytes(self._buffer[self._body_start : self._end])
        self._buffer.clear()
        self._end, self._chunked = -1, False
        if self._close and self._transport:
            self._transport.close()
        if self._reply and not self._reply.done():
            self._reply.set_result(Reply(status, body))


def prepare(address: tuple[str, int], path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Build the bytes of a POST once, so that sending it costs next to nothing."""
    host, port = address
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}:{port}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "\r\n",
    ]
    return "\r\n".join(lines).encode() + body
