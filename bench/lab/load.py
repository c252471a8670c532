"""The load generator: one process that sends requests in a closed or an open loop.

In a closed loop, each client waits for an answer before it sends the next request: this measures
throughput. An open loop sends at fixed times whether answers come or not, and measures from the
scheduled time of a request: this gives the latency that users of a busy server see, which a closed
loop hides by sending less while the server is slow.

`python -m bench.lab.load` reads a `Load` from its input and prints the `Outcome`, both as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lab.http1 import Connection, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANSWER_TIMEOUT_S = 60.0
PATIENCE = 4  # a slow server is loaded for up to this many times `seconds`, to get `at_least`
MAX_CONNECTIONS = 512
_LOOK_S = 0.05


@dataclass(frozen=True)
class Load:
    """The load, and where to send it.

    Attributes:
        host: Where the server listens.
        port: Its port.
        path: Path of the prediction URL.
        headers: Headers of every request.
        bodies: Files with one request body each; sent in turn.
        clients: Number of clients of a closed loop; 0 for an open loop.
        rate: Requests per second of an open loop.
        seconds: Time to measure.
        warm_up_s: Time to send requests before that.
        at_least: Number of answers that a closed loop waits for, even if that takes longer.
    """

    host: str
    port: int
    path: str
    headers: dict[str, str]
    bodies: tuple[str, ...]
    clients: int = 0
    rate: float = 0.0
    seconds: float = 5.0
    warm_up_s: float = 1.0
    at_least: int = 0


@dataclass
class Outcome:
    """The result, within the measured time only.

    Attributes:
        seconds: The measured time.
        latencies_ms: Latency of each answer.
        statuses: Number of answers by status code, or `timeout` or `connection`.
        cpu_s: CPU time of the load generator itself.
        lag_ms: Largest delay of an open loop behind its own schedule.
        total: All answers, including the warm-up and late ones.
    """

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    cpu_s: float = 0.0
    lag_ms: float = 0.0
    total: int = 0


async def run(load: Load, requests: Sequence[bytes]) -> Outcome:
    """Send requests to the server as `load` describes.

    Args:
        load: The load, and where to send it.
        requests: Complete requests, sent in turn.
    """
    return await (_closed if load.clients else _open)(load, itertools.cycle(requests))


def read_requests(load: Load) -> list[bytes]:
    """Prepare the requests of a load."""
    return [
        prepare((load.host, load.port), load.path, load.headers, Path(body).read_bytes())
        for body in load.bodies
    ]


async def _closed(load: Load, requests: Iterator[bytes]) -> Outcome:
    outcome, statuses = Outcome(), Counter[str]()
    begin = time.perf_counter() + load.warm_up_s
    cpu_before = 0.0
    done = asyncio.Event()

    async def client() -> None:
        connection = None
        while not done.is_set():
            start = time.perf_counter()
            connection, status = await _ask(load, connection, next(requests))
            now = time.perf_counter()
            outcome.total += 1
            if now >= begin and not done.is_set():
                statuses[status] += 1
                outcome.latencies_ms.append(1000 * (now - start))
            if status in {"connection", "timeout"}:
                await asyncio.sleep(0.05)  # do not hammer a server that is down
        if connection:
            connection.close()

    clients = [asyncio.create_task(client()) for _ in range(load.clients)]
    await asyncio.sleep(max(0.0, begin - time.perf_counter()))
    cpu_before = time.process_time()
    end = begin + load.seconds
    await asyncio.sleep(end - time.perf_counter())
    for _ in range(int((PATIENCE - 1) * load.seconds / _LOOK_S)):
        if statuses.total() >= load.at_least:
            break
        await asyncio.sleep(_LOOK_S)
    done.set()
    outcome.seconds = time.perf_counter() - begin
    outcome.cpu_s = time.process_time() - cpu_before
    outcome.statuses = dict(statuses)
    await asyncio.gather(*clients)
    return outcome


async def _open(load: Load, requests: Iterator[bytes]) -> Outcome:
    outcome, statuses = Outcome(), Counter[str]()
    idle: list[Connection] = []
    places = asyncio.Semaphore(MAX_CONNECTIONS)
    start, warm = time.perf_counter(), int(load.warm_up_s * load.rate)
    cpu_before = time.process_time()

    async def one(number: int, meant: float) -> None:
        async with places:
            connection, status = await _ask(load, idle.pop() if idle else None, next(requests))
        outcome.total += 1
        if connection:
            idle.append(connection)
        if number >= warm:
            statuses[status] += 1
            outcome.latencies_ms.append(1000 * (time.perf_counter() - meant))

    tasks = set()
    for number in range(warm + int(load.seconds * load.rate)):
        meant = start + number / load.rate
        await asyncio.sleep(max(0.0, meant - time.perf_counter()))
        if number >= warm:
            outcome.lag_ms = max(outcome.lag_ms, 1000 * (time.perf_counter() - meant))
        tasks.add(asyncio.create_task(one(number, meant)))
    outcome.seconds = time.perf_counter() - start - warm / load.rate
    outcome.cpu_s = time.process_time() - cpu_before
    await asyncio.gather(*tasks)
    outcome.statuses = dict(statuses)
    for connection in idle:
        connection.close()
    return outcome


async def _ask(
    load: Load, connection: Connection | None, request: bytes
) -> tuple[Connection | None, str]:
    """Send one request, over a new connection if there is none; return a reusable one."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            if connection is None or not connection.usable:
                connection = await Connection.open(load.host, load.port)
            reply = await connection.ask(request)
    except TimeoutError:
        if connection:
            connection.close()
        return None, "timeout"
    except OSError:
        return None, "connection"
    return connection, str(reply.status)


def main() -> int:
    """Run the load given as JSON on standard input."""
    fields = json.load(sys.stdin)
    load = Load(**fields | {"bodies": tuple(fields["bodies"])})
    requests = read_requests(load)
    gc.freeze()  # the photos are never garbage: do not scan them
    json.dump(asdict(asyncio.run(run(load, requests))), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
