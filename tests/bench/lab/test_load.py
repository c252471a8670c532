"""The load generator: what it sends and counts, and when an open loop sends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from bench.lab.errors import LoadFailed
from bench.lab.generator import check_statuses
from bench.lab.http1 import Connection, Reply, prepare
from bench.lab.load import Load, Outcome, read_requests, run
from tests.bench.lab.fake_server import HOST, OK, FakeServer, serving

if TYPE_CHECKING:
    from pathlib import Path


def ask(server: FakeServer, *bodies: bytes, **how: float) -> Outcome:
    """Put a short load on a fake server."""

    async def go() -> Outcome:
        async with serving(server):
            load = Load(HOST, server.port, "/predict", {}, (), warm_up_s=0.0, **how)  # type: ignore[arg-type]
            requests = [prepare((HOST, server.port), "/predict", {}, body) for body in bodies]
            return await run(load, requests)

    return asyncio.run(go())


def test_a_closed_loop_counts_each_answer_once() -> None:
    server = FakeServer()
    outcome = ask(server, b"photo", clients=3, seconds=0.2)
    assert outcome.statuses == {"200": len(outcome.latencies_ms)}
    assert outcome.total == len(server.bodies)
    # At most one request of each client is still on its way at the end.
    assert outcome.total - 3 <= outcome.statuses["200"] <= outcome.total
    assert outcome.seconds >= 0.2


def test_clients_keep_their_connections() -> None:
    server = FakeServer()
    ask(server, b"photo", clients=3, seconds=0.2)
    assert server.connections == 3


def test_bodies_are_sent_in_turn() -> None:
    server = FakeServer()
    ask(server, b"a", b"bb", b"ccc", clients=1, seconds=0.1)
    assert server.bodies[:4] == [b"a", b"bb", b"ccc", b"a"]


def test_errors_are_counted_by_status() -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    server = FakeServer(answer=lambda number: busy if number % 2 else OK)
    outcome = ask(server, b"photo", clients=1, seconds=0.3, at_least=2)
    assert abs(outcome.statuses["503"] - outcome.statuses["200"]) <= 1


def test_a_closed_connection_is_an_error_and_is_opened_again() -> None:
    server = FakeServer(answer=lambda number: b"" if number == 1 else OK)
    outcome = ask(server, b"photo", clients=1, seconds=0.3)
    assert outcome.statuses["connection"] == 1
    assert outcome.statuses["200"] > 0
    assert server.connections == 2


def test_a_server_that_is_not_there_is_an_error() -> None:
    load = Load(HOST, 1, "/", {}, (), clients=1, seconds=0.1, warm_up_s=0.0)
    outcome = asyncio.run(run(load, [prepare((HOST, 1), "/", {}, b"")]))
    assert set(outcome.statuses) == {"connection"}


def test_a_slow_server_is_given_time_for_enough_answers() -> None:
    outcome = ask(FakeServer(), b"photo", clients=1, seconds=0.05, at_least=10**9)
    assert outcome.seconds >= 0.15


def test_an_open_loop_asks_as_often_as_scheduled_however_slow_the_answers() -> None:
    outcome = ask(FakeServer(), b"photo", rate=50.0, seconds=0.4)
    assert outcome.statuses == {"200": 20}
    assert len(outcome.latencies_ms) == 20


def test_an_open_loop_measures_from_the_intended_time() -> None:
    # The second request waits for the first, whose answer takes as long as ten intervals.
    async def go() -> Outcome:
        async with serving(SlowServer()) as server:
            load = Load(HOST, server.port, "/", {}, (), rate=100.0, seconds=0.1, warm_up_s=0.0)
            return await run(load, [prepare((HOST, server.port), "/", {}, b"")])

    class SlowServer(FakeServer):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.1)
            await super().serve(reader, writer)

    outcome = asyncio.run(go())
    assert min(outcome.latencies_ms) >= 99
    assert outcome.statuses == {"200": 10}


def test_replies_of_all_forms_are_understood() -> None:
    replies = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    ]

    async def go() -> list[Reply]:
        async with serving(FakeServer(answer=lambda number: replies[number - 1])) as server:
            connection = await Connection.open(HOST, server.port)
            request = prepare((HOST, server.port), "/", {}, b"")
            found = [await connection.ask(request) for _ in replies]
            connection.close()
            return found

    assert asyncio.run(go()) == [(200, b"hello"), (200, b"5\r\nhello\r\n0\r\n\r\n"), (204, b"")]


def test_requests_carry_headers_and_the_files_bytes(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8 photo")
    load = Load(HOST, 8080, "/x", {"Authorization": "Bearer token"}, (str(photo),), clients=1)
    head, _, body = read_requests(load)[0].partition(b"\r\n\r\n")
    assert body == b"\xff\xd8 photo"
    assert head.split(b"\r\n") == [
        b"POST /x HTTP/1.1",
        b"Host: 127.0.0.1:8080",
        b"Authorization: Bearer token",
        b"Content-Length: 8",
    ]


def test_the_process_reads_a_load_and_prints_the_outcome(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"photo")
    load = Load(HOST, 1, "/", {}, (str(body),), clients=1, seconds=0.1, warm_up_s=0.0)
    process = subprocess.run(
        [sys.executable, "-m", "bench.lab.load"],
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert set(json.loads(process.stdout)["statuses"]) == {"connection"}


def test_one_answer_that_is_not_2xx_fails_a_run() -> None:
    check_statuses({"200": 10, "204": 1}, "server")
    with pytest.raises(LoadFailed, match="server: 1 x 503, 2 x timeout among 13 answers"):
        check_statuses({"200": 10, "503": 1, "timeout": 2}, "server")
    with pytest.raises(LoadFailed, match="not one answer"):
        check_statuses({}, "server")
