"""Sends very many requests at once, each over its own connection."""

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
_OTHER_FILES = 100  # open files of this process


def burst(
    address: tuple[str, int],
    path: str,
    headers: dict[str, str],
    photos: Sequence[bytes],
    count: int,
) -> list[Answer]:
    """Send `count` requests at once, and wait for all answers.

    Args:
        address: Where the server listens.
        path: Path of the prediction URL.
        headers: Headers of every request.
        photos: Bodies, used in turn.
        count: Number of requests.
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
    """Raise this process's limit of open files, as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
