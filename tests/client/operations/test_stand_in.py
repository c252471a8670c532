"""Workers are removed under full load while a temporary version takes over."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
import requests

from client.errors import ClientError, NoStandIn, ServerBusy
from client.operations.draining import wait_until_drained
from client.operations.stand_in import StandIn
from tests.client.fake_models import FakeModels, write_archive

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> FakeModels:
    return FakeModels(tmp_path, workers=3)


def stand_in(server: FakeModels) -> StandIn:
    drained = functools.partial(
        wait_until_drained, processor_s=server.processor_s, clock=server.time
    )
    return StandIn(server.management(), "flowers", "1.0", server.store, drained, clock=server.time)


def test_no_worker_is_taken_from_its_requests(server: FakeModels) -> None:
    stand_in(server).scale_original(2)

    assert server.workers == {"1.0": 2}
    assert server.default == "1.0"
    assert server.cut_off == 0
    assert [path.name for path in server.store.iterdir()] == ["flowers.mar"]


def test_taking_them_away_at_once_would_cut_requests_off(server: FakeModels) -> None:
    server.management().scale("flowers", 2)
    assert server.cut_off == 1


def test_what_an_interrupted_run_left_is_completed(server: FakeModels) -> None:
    for failing in range(1, 12):
        commands = iter(range(12))
        original = server.send

        def send(
            request: requests.PreparedRequest,
            failing: int = failing,
            commands: Any = commands,
            original: Any = original,
            **options: Any,
        ) -> requests.Response:
            if request.method != "GET" and next(commands) >= failing:
                raise requests.ConnectTimeout
            return original(request, **options)  # type: ignore[no-any-return]

        server.send = send  # type: ignore[method-assign]
        with pytest.raises(ClientError) if failing < 6 else pytest.MonkeyPatch.context():
            stand_in(server).scale_original(1)
        server.send = original  # type: ignore[method-assign]
        stand_in(server).scale_original(1)
        assert (server.workers, server.default, server.cut_off) == ({"1.0": 1}, "1.0", 0)


@pytest.mark.parametrize("cause", ["model API", "not the archive", "cannot be copied", "worker"])
def test_where_no_version_can_stand_in_nothing_changes(server: FakeModels, cause: str) -> None:
    if cause == "model API":
        server.model_api = False
    elif cause == "not the archive":
        write_archive(server.store / "flowers.mar", "1.0", weights_sha256="another")
    elif cause == "cannot be copied":
        (server.store / "flowers.mar").write_bytes(b"half")
    else:
        write_archive(server.store / "flowers.mar", "1.0", broken=True)
    with pytest.raises(NoStandIn if cause != "worker" else ClientError, match=cause):
        stand_in(server).scale_original(1)

    assert (server.workers, server.default, server.cut_off) == ({"1.0": 3}, "1.0", 0)
    assert [path.name for path in server.store.iterdir()] == ["flowers.mar"]


def test_requests_that_name_the_version_keep_its_workers(server: FakeModels) -> None:
    asked = stand_in(server)
    server.versions["1.0"].busy_until = 1e9
    original = server.send

    def send(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = original(request, **options)
        server.versions["1.0"].busy_until = 1e9
        return answer

    server.send = send  # type: ignore[method-assign]
    with pytest.raises(ServerBusy, match=r"name flowers 1\.0 kept coming"):
        asked.scale_original(1)
    assert (server.workers, server.default, server.cut_off) == ({"1.0": 3}, "1.0", 0)
