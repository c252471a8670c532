"""A short flood of legal requests: each is answered, the server stays, and small photos pass."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from bench.floods.floods import photo
from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.key_file import read_key_file
from server.ports import HOST, Ports
from server.properties import get_properties

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
LARGE = photo(9_000_000)
MANY, STRANGERS = 40, 30
DECLARED = 32_000_000


def send(url: str, key: str | None, body: bytes) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.post(f"{url}/predictions/flowers", data=body, headers=headers, timeout=120)


@contextlib.contextmanager
def idlers(port: int, key: str) -> Iterator[None]:
    """Connections that declare a large body, send a part of it and wait."""
    head = (
        f"POST /predictions/flowers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {DECLARED}\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as stack:
        for _ in range(STRANGERS):
            idler = stack.enter_context(socket.create_connection((HOST, port), timeout=60))
            with contextlib.suppress(OSError):  # answered, and closed, while it still sends
                idler.sendall(head + bytes(1_000_000))
        yield


def test_every_request_of_a_flood_is_answered_and_small_ones_pass_it(served: Served) -> None:
    key = str(served.tokens.current("inference"))
    with idlers(served.port, "of-nobody"), ThreadPoolExecutor(MANY) as pool:
        flood = [pool.submit(send, served.url, key, LARGE) for _ in range(MANY)]
        small = [send(served.url, key, PICTURE).status_code for _ in range(5)]
        replies = [each.result() for each in flood]
    assert set(small) == {200}
    assert {reply.status_code for reply in replies} <= {200, 503}
    assert all("Retry-After" in reply.headers for reply in replies if reply.status_code == 503)
    assert 200 in {reply.status_code for reply in replies}
    assert served.inference.ping() == "Healthy"


def test_a_flood_of_strangers_is_turned_away_by_the_front(served: Served) -> None:
    before = requests.get(f"{served.metrics_url}/metrics", timeout=60).text
    with ThreadPoolExecutor(STRANGERS) as pool:
        statuses = [
            each.result().status_code
            for each in [pool.submit(send, served.url, None, LARGE) for _ in range(STRANGERS)]
        ]
    assert set(statuses) == {401}
    after = requests.get(f"{served.metrics_url}/metrics", timeout=60).text
    assert requests_counted(before) == requests_counted(after)


def requests_counted(metrics: str) -> list[str]:
    return [line for line in metrics.splitlines() if line.startswith("ts_inference_requests_total")]


def test_who_reaches_torchserve_itself_cannot_end_it(served: Served) -> None:
    behind = f"http://{HOST}:{Ports.starting_at(served.port).behind}"
    key = read_key_file(served.run_dir / "key_file.json").inference.value
    properties = get_properties((served.run_dir / "config.properties").read_text())
    assert int(properties["job_queue_size"]) >= 16

    def ask() -> int | str:
        try:
            return send(behind, key, LARGE).status_code
        except requests.RequestException as error:
            return type(error).__name__

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(lambda _: ask(), range(MANY)))
    assert served.inference.predict(PICTURE).scores
