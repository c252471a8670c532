"""Workers are started without blocking the server, and watched until they are ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from client.errors import ModelNotFound, WorkersNotReady
from client.operations.starting import start_workers, wait_until_ready
from tests.client.fake_models import START_S, FakeModels, write_archive

if TYPE_CHECKING:
    from pathlib import Path

    from client.api.models import ModelStatus


def start(server: FakeModels, workers: int, version: str, deadline_s: float = 60.0) -> ModelStatus:
    return start_workers(
        server.management(),
        "flowers",
        workers,
        version,
        deadline_s=deadline_s,
        clock=server.time,
    )


def test_the_server_is_not_held_while_workers_start(tmp_path: Path) -> None:
    server = FakeModels(tmp_path)
    status = start(server, 3, "1.0")

    assert status.ready_workers == 3
    assert server.commands == [
        "PUT /models/flowers/1.0?min_worker=3&max_worker=3&synchronous=false"
    ]
    assert START_S <= server.time.now < START_S + 1


def test_a_worker_that_ends_while_it_loads_is_named_at_once(tmp_path: Path) -> None:
    server = FakeModels(tmp_path)
    write_archive(tmp_path / "bad.mar", "2.0", broken=True)
    server.management().register("bad.mar")

    with pytest.raises(WorkersNotReady, match=r"flowers 2\.0 ended while it loaded .*worker\.log"):
        start(server, 1, "2.0")
    assert server.time.now < START_S


def test_the_wait_has_an_end(tmp_path: Path) -> None:
    server = FakeModels(tmp_path)

    with pytest.raises(WorkersNotReady, match=r"1 of 2 workers of flowers 1\.0"):
        start(server, 2, "1.0", deadline_s=START_S / 2)


def test_ready_workers_are_not_waited_for(tmp_path: Path) -> None:
    server = FakeModels(tmp_path, workers=2)

    assert wait_until_ready(server.management(), "flowers", 2).version == "1.0"
    assert not server.time.pauses
    with pytest.raises(ModelNotFound):
        wait_until_ready(server.management(), "flowers", 2, "9.9")
