"""A server that answers at once: shows what the load generator itself can do.

It reads complete requests and always gives the same answer; `python -m bench.speed.instant PORT`.
"""

from __future__ import annotations

import asyncio
import re
import sys

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_BODY = b'{"daisy": 1.0}'
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class Instant(asyncio.Protocol):
    """Answers each request as soon as its body is complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by asyncio."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer if the request is complete; called by asyncio."""
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        length = _LENGTH.search(self._buffer, 0, max(0, head_end))
        if length and len(self._buffer) >= head_end + 4 + int(length[1]) and self._transport:
            self._buffer.clear()
            self._transport.write(_REPLY)


async def serve(port: int) -> None:
    """Serve on loopback until cancelled."""
    server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
