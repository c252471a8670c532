"""The reader of TorchServe's batches, held against TorchServe's own."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ts.protocol import otf_message_handler

from classifier.protocols.form import MAX_PARTS, without_form
from classifier.protocols.worker_messages import KEPT, read_batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

END = struct.pack("!i", -1)
Request = tuple[list[tuple[str, str]], list[tuple[str, str, bytes]]]
TEXT = st.text(max_size=30)
REQUESTS = st.lists(
    st.tuples(
        st.lists(st.tuples(TEXT, TEXT), max_size=4),
        st.lists(st.tuples(TEXT, TEXT, st.binary(max_size=300)), max_size=4),
    ),
    max_size=4,
)


def text(content: bytes) -> bytes:
    return struct.pack("!i", len(content)) + content


def encoded(requests: Sequence[Request]) -> bytes:
    """Write a batch as TorchServe does, its command left out."""
    parts = []
    for number, (headers, inputs) in enumerate(requests):
        parts.append(text(f"id-{number}".encode()))
        parts += [text(part.encode()) for header in headers for part in header]
        parts.append(END)
        for name, kind, value in inputs:
            parts += [text(name.encode()), text(kind.encode()), text(value)]
        parts.append(END)
    return b"".join([*parts, END])


@contextmanager
def sent(message: bytes, piece: int = 1_000_000) -> Iterator[socket.socket]:
    """A connection on which a message comes in pieces, and nothing more."""
    ours, theirs = socket.socketpair()

    def send() -> None:
        with theirs:
            for start in range(0, len(message), piece):
                theirs.sendall(message[start : start + piece])

    thread = threading.Thread(target=send)
    thread.start()
    with ours:
        yield ours
    thread.join()


@given(requests=REQUESTS, piece=st.integers(1, 400))
def test_it_reads_what_torchserves_own_reads(requests: list[Request], piece: int) -> None:
    message = encoded(requests)
    with sent(message, piece) as connection:
        found = read_batch(connection)
    with sent(message) as connection:
        assert found == otf_message_handler._retrieve_inference_msg(connection)  # noqa: SLF001


@pytest.mark.parametrize("size", [65_530, 65_536, 65_537, 3_000_000])
def test_large_texts_come_whole(size: int) -> None:
    photo = bytes(range(256)) * (size // 256) + b"end"
    request: Request = ([("Accept", "*/*")], [("body", "image/jpeg", photo), ("next", "", b"x")])
    with sent(encoded([request, request])) as connection:
        first, second = read_batch(connection)
    assert first["parameters"] == second["parameters"]
    assert [each["value"] for each in first["parameters"]] == [photo, b"x"]


def test_of_very_many_inputs_it_keeps_too_many() -> None:
    many: Request = ([], [(f"n{number}", "", b"") for number in range(100_000)])
    usual: Request = ([], [("body", "", b"photo")])
    with sent(encoded([many, usual])) as connection:
        first, second = read_batch(connection)
    assert len(first["parameters"]) == KEPT
    assert second["parameters"][0]["value"] == b"photo"
    row: dict[str, Any] = {each["name"]: each["value"] for each in first["parameters"]}
    with pytest.raises(Exception, match=f"at most {MAX_PARTS} parts; found more than {MAX_PARTS}"):
        without_form(row)


@pytest.mark.parametrize("cut", [0, 2, 10, 100_000])
def test_it_ends_when_torchserve_has_gone(cut: int) -> None:
    message = encoded([([], [("body", "", bytes(200_000))])])
    with sent(message[:cut]) as connection, pytest.raises(SystemExit):
        read_batch(connection)
