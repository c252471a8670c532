"""Reads the batches that TorchServe sends to a worker.

TorchServe's own reader (`ts.protocol.otf_message_handler` of version 0.12) asks the kernel for each
length and each text by itself, and keeps every input of a request: 100,000 of them, which are legal
over gRPC, took it 3 s, and millions longer than TorchServe waits for its worker. This one reads
ahead, and of a request with very many inputs it keeps the first ones, which are too many already.

A number is four bytes, signed, the highest first; a text is its length, then its bytes:

    batch    its requests, then -1
    request  text id; its headers, then -1; its inputs, then -1
    header   text name, text value
    input    text name, text content type, text value
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from classifier.protocols.form import MAX_PARTS

if TYPE_CHECKING:
    import socket

KEPT = MAX_PARTS + 1
_END = -1
_NUMBER = struct.Struct("!i")
_AHEAD = 65_536  # bytes


def read_batch(connection: socket.socket) -> list[dict[str, Any]]:
    """Read one batch, after its command, as `ts.service.Service.predict` takes it.

    TorchServe sends nothing after a batch before it has the answers to it, so nothing is read that
    belongs to another.

    Raises:
        SystemExit: TorchServe has gone.
    """
    reader = _Reader(connection)
    batch = []
    while (request := reader.text()) is not None:
        batch.append(
            {
                "requestId": request,
                "headers": _headers(reader),
                "parameters": _inputs(reader),
            }
        )
    return batch


def _headers(reader: _Reader) -> list[dict[str, Any]]:
    headers: list[dict[str, Any]] = []
    while (name := reader.text()) is not None:
        headers.append({"name": name, "value": reader.text() or b""})
    return headers


def _inputs(reader: _Reader) -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = []
    while (name := reader.text()) is not None:
        kind, value = reader.text() or b"", reader.text() or b""
        if len(inputs) < KEPT:
            names = {"name": name.decode("utf-8"), "contentType": kind.decode("utf-8")}
            inputs.append({**names, "value": value})
    return inputs


class _Reader:
    """Numbers and texts from a connection, of which it reads ahead."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._held, self._at = b"", 0

    def text(self) -> bytes | bytearray | None:
        """Return the next text; None where the end of a list stands in its place."""
        if self._at + _NUMBER.size > len(self._held):
            self._hold(_NUMBER.size)
        (length,) = _NUMBER.unpack_from(self._held, self._at)
        self._at += _NUMBER.size
        if length == _END:
            return None
        end = self._at + length
        if end > len(self._held):
            if length > _AHEAD:
                return self._large(length)
            self._hold(length)
            end = length
        text = self._held[self._at : end]
        self._at = end
        return text

    def _hold(self, size: int) -> None:
        """Hold at least `size` bytes that are not taken yet."""
        held = [self._held[self._at :]]
        missing = size - len(held[0])
        while missing > 0:
            held.append(self._connection.recv(_AHEAD))
            missing -= len(held[-1])
            if not held[-1]:
                raise SystemExit(0)
        self._held, self._at = b"".join(held), 0

    def _large(self, length: int) -> bytearray:
        """Take a text that is longer than what is held, without a copy of it."""
        text = bytearray(length)
        done = len(self._held) - self._at
        text[:done] = self._held[self._at :]
        self._held, self._at = b"", 0
        rest = memoryview(text)
        while done < length:
            received = self._connection.recv_into(rest[done:])
            done += received
            if not received:
                raise SystemExit(0)
        return text
