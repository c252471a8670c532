"""Which way a worker is removed."""

from __future__ import annotations

import functools
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from client.operations.draining import wait_until_drained
from client.operations.scaling import scale_safely
from client.operations.stand_in import StandIn
from tests.client.fake_models import FakeModels

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METRICS_URL = "http://127.0.0.1:8082"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeModels:
    """Three workers; `client.operations.scaling` is on its clock, and sees it under load."""
    fake = FakeModels(tmp_path, workers=3)
    drained = functools.partial(wait_until_drained, processor_s=fake.processor_s, clock=fake.time)
    monkeypatch.setattr(
        "client.operations.scaling.StandIn",
        functools.partial(StandIn, drained=drained, clock=fake.time),
    )
    monkeypatch.setattr("client.operations.scaling._is_unused", lambda *_: False)
    monkeypatch.setattr("client.operations.scaling.wait_until_idle", lambda *_: True)
    return fake


@pytest.fixture
def scale(server: FakeModels) -> Callable[..., str]:
    return functools.partial(scale_safely, server.management(), METRICS_URL, "flowers")


def test_under_load_another_version_stands_in(server: FakeModels, scale: Any) -> None:
    assert "stood in" in scale(1, store=server.store)
    assert (server.workers, server.cut_off) == ({"1.0": 1}, 0)


def test_an_interrupted_stand_in_is_no_version_to_stand_in_for(
    server: FakeModels, scale: Any
) -> None:
    scale(2, store=server.store)
    server.versions["1.0-stand-in"] = deepcopy(server.versions["1.0"])
    server.default = "1.0-stand-in"
    scale(1, store=server.store)
    assert (server.workers, server.default) == ({"1.0": 1}, "1.0")


def test_an_interrupted_stand_in_is_completed_when_scaling_up(
    server: FakeModels, scale: Any
) -> None:
    server.versions["1.0-stand-in"] = deepcopy(server.versions["1.0"])
    server.default = "1.0-stand-in"
    assert scale(3) == "flowers 1.0 has 3 workers, and is in service again"
    assert (server.workers, server.default) == ({"1.0": 3}, "1.0")


def test_with_the_model_api_off_it_waits_and_says_so(
    server: FakeModels, scale: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.model_api = False
    assert scale(1, store=server.store) == "done"
    assert "waiting for a quiet moment: the model API is off" in caplog.text


@pytest.mark.parametrize(("workers", "known"), [(1, False), (0, True)])
def test_without_a_store_or_down_to_nothing_it_waits(
    server: FakeModels, scale: Any, workers: int, known: bool
) -> None:
    assert scale(workers, store=server.store if known else None) == "done"
    assert [command.partition(" ")[0] for command in server.commands] == ["PUT"]


def test_a_model_that_nobody_asks_loses_them_at_once(
    server: FakeModels, scale: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.operations.scaling._is_unused", lambda *_: True)
    assert scale(1, store=server.store) == "done"
