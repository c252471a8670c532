"""Very many requests at the same moment, each over a connection of its own."""

from __future__ import annotations

import asyncio
import resource
import time
from typing import TYPE_CHECKING

from bench.faults.traffic import Answer
from bench.lab.http1 import Connection, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_S = 120.0
_OTHER_FILES = 100  # that this process has open


def burst(
    address: tuple[str, int],
    path: str,
    headers: dict[str, str],
    photos: Sequence[bytes],
    count: int,
) -> list[Answer]:
    """Send `count` requests at once, and wait for every answer.

    Args:
        address: Where the server listens.
        path: Of the prediction's URL.
        headers: Of every request.
        photos: Bodies, in turn.
        count: How many.
    """
    _allow_files(count + _OTHER_FILES)
    requests = [prepare(address, path, headers, photo) for photo in photos]
    return asyncio.run(_all(address, [requests[n % len(requests)] for n in range(count)]))


async def _all(address: tuple[str, int], requests: Sequence[bytes]) -> list[Answer]:
    return await asyncio.gather(*(_one(address, request) for request in requests))


async def _one(address: tuple[str, int], request: bytes) -> Answer:
    start = time.monotonic()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            connection = await Connection.open(*address)
            outcome = str((await connection.ask(request)).status)
            connection.close()
    except TimeoutError:
        outcome = "no answer"
    except OSError:
        outcome = "broken off"
    return Answer("plain", start, time.monotonic(), outcome)


def _allow_files(count: int) -> None:
    """Raise this process's own limit of open files, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
