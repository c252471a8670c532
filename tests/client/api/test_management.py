"""The management API: typed answers, and no command sent twice."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from client import errors
from client.api.management import ManagementClient, ModelEntry, WorkerStatus
from tests.client import replies
from tests.client.fakes import Script, reply, scripted_transport


def client_of(script: Script) -> ManagementClient:
    return ManagementClient(transport=scripted_transport(script, kind="management"))


def page(*names: str, following: str | None = None) -> requests.Response:
    models = [{"modelName": name, "modelUrl": f"{name}.mar"} for name in names]
    return reply(200, {"models": models} | ({"nextPageToken": following} if following else {}))


def test_a_description_is_typed() -> None:
    script = Script(reply(200, [replies.description(workers=2, pending=3)]))
    status = client_of(script).describe("flowers")

    assert script.targets == ["GET /models/flowers"]
    assert (status.name, status.version, status.archive) == ("flowers", "1.0", "flowers.mar")
    assert (status.queue_pending, status.queue_capacity_left) == (3, 97)
    assert (status.batch_size, status.max_batch_delay_ms, status.response_timeout_s) == (8, 5, 20)
    assert status.workers[0] == WorkerStatus(
        id="9000",
        state="READY",
        pid=5_000_000,
        memory_bytes=558891008,
        started_at="2026-11-24T05:56:46.930Z",
        on_gpu=False,
    )
    assert status.workers[1].memory_bytes is None  # 0 means that nobody measured
    assert status.ready_workers == 1
    assert status.metadata is None


def test_the_handlers_own_description_is_asked_for() -> None:
    described = replies.description() | {"customizedMetadata": {"labels": ["daisy"]}}
    script = Script(reply(200, [described]))

    assert client_of(script).describe("flowers", "1.0", customized=True).metadata == {
        "labels": ["daisy"]
    }
    assert script.targets == ["GET /models/flowers/1.0?customized=true"]


def test_all_versions_are_described() -> None:
    script = Script(
        reply(200, [replies.description(version="1.0"), replies.description(version="2.0")])
    )

    versions = client_of(script).describe_all("flowers")

    assert [status.version for status in versions] == ["1.0", "2.0"]
    assert script.targets == ["GET /models/flowers/all"]


@pytest.mark.parametrize(
    "body", [b"", "text", [], {}, [{}], [[]], [replies.description() | {"workers": [{}]}]]
)
def test_another_answer_is_no_description(body: Any) -> None:
    with pytest.raises(errors.UnexpectedReply):
        client_of(Script(reply(200, body))).describe("flowers")


def test_models_are_listed_over_all_pages() -> None:
    script = Script(page("a", "b", following="2"), page("c"))

    assert client_of(script).list_models(page_size=2) == [
        ModelEntry("a", "a.mar"),
        ModelEntry("b", "b.mar"),
        ModelEntry("c", "c.mar"),
    ]
    assert script.targets == [
        "GET /models?limit=2&next_page_token=0",
        "GET /models?limit=2&next_page_token=2",
    ]


def test_the_empty_page_after_a_full_last_one_ends_the_list() -> None:
    # TorchServe names a next page whenever a page is full, and names one after that as well
    script = Script(page("a", following="1"), page(following="2"))

    assert client_of(script).list_models(page_size=1) == [ModelEntry("a", "a.mar")]


def test_commands_say_what_the_server_expects() -> None:
    script = Script(reply(200, {"status": "done"}))
    client = client_of(script)

    assert client.scale("flowers", 2) == "done"
    client.scale("flowers", 1, 4, version="1.0", synchronous=False)
    client.register("flowers.mar", initial_workers=2, batch_size=8, max_batch_delay_ms=5)
    client.unregister("flowers", "1.0")
    client.set_default("flowers", "2.0")
    assert script.targets == [
        "PUT /models/flowers?min_worker=2&max_worker=2&synchronous=true",
        "PUT /models/flowers/1.0?min_worker=1&max_worker=4&synchronous=false",
        (
            "POST /models?url=flowers.mar&initial_workers=2&batch_size=8&max_batch_delay=5"
            "&synchronous=true"
        ),
        "DELETE /models/flowers/1.0",
        "PUT /models/flowers/2.0/set-default",
    ]


def test_starting_workers_is_given_the_time_it_takes() -> None:
    script = Script(reply(200, {"status": "done"}))
    client = client_of(script)
    client.scale("flowers", 2, timeout_s=500)
    client.set_default("flowers", "1.0")

    assert [read for _, read in script.timeouts] == [500, 30]


@pytest.mark.parametrize(
    "step",
    [
        requests.ConnectionError(ProtocolError("aborted", ConnectionResetError())),
        requests.ReadTimeout("timed out"),
        reply(500, replies.WORKER_DIED),
        reply(503, replies.OVERLOADED),
        reply(409, replies.CONFLICT),
    ],
)
def test_a_registration_is_never_sent_twice(step: requests.Response | Exception) -> None:
    script = Script(step, reply(200, {"status": "registered"}))

    with pytest.raises(errors.ClientError):
        client_of(script).register("flowers.mar")
    assert len(script.sent) == 1


def test_a_closed_model_api_is_named() -> None:
    with pytest.raises(errors.ModelApiDisabled, match="make restart MODEL_API=1"):
        client_of(Script(reply(405, replies.NOT_ALLOWED))).register("flowers.mar")


def test_a_command_without_a_status_is_unexpected() -> None:
    with pytest.raises(errors.UnexpectedReply):
        client_of(Script(reply(200, b"done"))).scale("flowers", 1)
