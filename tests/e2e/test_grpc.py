"""TorchServe's gRPC ports through our client: the same answers, errors and tokens as over HTTP."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import grpc
import pytest

from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.grpc_inference import GrpcInferenceClient
from client.api.grpc_management import GrpcManagementClient
from client.api.grpc_stubs.inference_pb2 import PredictionsRequest
from client.api.grpc_stubs.inference_pb2_grpc import InferenceAPIsServiceStub
from client.api.metrics import MetricsClient
from client.api.tokens import Tokens
from client.errors import (
    AuthenticationError,
    ClientError,
    ModelNotFound,
    RequestRejected,
    ServerUnreachable,
)
from server.ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])


@pytest.fixture
def inference(served: Served) -> Iterator[GrpcInferenceClient]:
    """A client with the server's tokens."""
    target = f"{HOST}:{served.port + 3}"
    with closing(GrpcInferenceClient(target, tokens=served.tokens, timeout_s=60)) as client:
        yield client


@pytest.fixture
def management(served: Served) -> Iterator[GrpcManagementClient]:
    """The same for management."""
    target = f"{HOST}:{served.port + 4}"
    with closing(GrpcManagementClient(target, tokens=served.tokens, timeout_s=60)) as client:
        yield client


def test_answers_are_those_of_http(served: Served, inference: GrpcInferenceClient) -> None:
    for name in REFERENCE_NAMES:
        picture = draw_png(name)
        assert inference.predict(picture) == served.inference.predict(picture)
    assert inference.ping() == "Healthy"
    # Whoever waits for a quiet moment need not wait for these.
    traffic = MetricsClient(served.metrics_url).traffic("flowers")
    assert traffic.answered == traffic.arrived


def test_a_bad_photo_is_the_callers_fault(inference: GrpcInferenceClient) -> None:
    with pytest.raises(RequestRejected) as raised:
        inference.predict(b"no image")
    assert (raised.value.status, raised.value.kind) == (400, "InvalidImage")
    assert "check which file was sent" in raised.value.message


def test_a_message_that_is_too_large_is_the_callers_fault(inference: GrpcInferenceClient) -> None:
    with pytest.raises(RequestRejected, match=r"expected a message of at most \d+ bytes"):
        inference.predict(bytes(40_000_000))


def test_very_many_inputs_are_counted_not_kept(served: Served) -> None:
    inputs = {f"n{number}": b"" for number in range(100_000)}
    key = served.tokens.current("inference")
    with grpc.insecure_channel(f"{HOST}:{served.port + 3}") as channel:
        reply = InferenceAPIsServiceStub(channel).Predictions(  # type: ignore[no-untyped-call]
            PredictionsRequest(model_name="flowers", input=inputs),
            metadata=[("authorization", f"Bearer {key}")],
            timeout=60,
        )
    assert json.loads(reply.prediction)["code"] == 413
    assert served.inference.predict(PICTURE).scores


def test_management_sees_what_http_sees(served: Served, management: GrpcManagementClient) -> None:
    assert management.list_models() == served.management.list_models()
    assert management.describe("flowers").workers == served.management.describe("flowers").workers
    assert management.describe("flowers", "1.0").version == "1.0"
    with pytest.raises(ModelNotFound):
        management.describe("weeds")


def test_workers_are_scaled_and_versions_set(management: GrpcManagementClient) -> None:
    assert management.set_default("flowers", "1.0")
    assert management.scale("flowers", 1)
    assert management.describe("flowers").ready_workers == 1


def test_models_are_not_registered_where_that_is_off(management: GrpcManagementClient) -> None:
    with pytest.raises(RequestRejected):
        management.register("flowers.mar", model_name="second")
    with pytest.raises(RequestRejected):
        management.unregister("flowers")


def test_nobody_gets_in_without_the_right_token(served: Served) -> None:
    given: list[dict[str, str] | None] = [
        None,
        {"inference": "wrong", "management": "wrong"},
        {  # each other's
            "inference": str(served.tokens.current("management")),
            "management": str(served.tokens.current("inference")),
        },
    ]
    for keys in given:
        tokens = Tokens(None, served.management_url, given=keys) if keys else None  # type: ignore[arg-type]
        calls = (
            (GrpcInferenceClient(f"{HOST}:{served.port + 3}", tokens=tokens), "predict", PICTURE),
            (GrpcInferenceClient(f"{HOST}:{served.port + 3}", tokens=tokens), "ping"),
            (GrpcManagementClient(f"{HOST}:{served.port + 4}", tokens=tokens), "list_models"),
        )
        for client, method, *arguments in calls:
            with closing(client), pytest.raises(AuthenticationError):
                getattr(client, method)(*arguments)


def test_a_key_that_another_process_renewed_is_fetched(
    served: Served, management: GrpcManagementClient
) -> None:
    assert management.list_models()
    assert served.tokens.replace("management", served.tokens.current("management"))
    assert management.list_models()


def test_a_server_that_is_not_there_is_named() -> None:
    target = f"{HOST}:{free_ports()}"
    with closing(GrpcInferenceClient(target)) as client, pytest.raises(ServerUnreachable) as raised:
        client.predict(PICTURE)
    assert target in str(raised.value)
    assert isinstance(raised.value, ClientError)
