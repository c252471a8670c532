"""Each reply of the server becomes its own error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client import errors
from client.errors import error_for_reply
from tests.client import replies


@pytest.mark.parametrize(
    ("body", "method", "expected"),
    [
        (replies.INVALID_KEY, "POST", errors.AuthenticationError),
        (replies.NO_MODEL, "POST", errors.ModelNotFound),
        (replies.NO_VERSION, "POST", errors.ModelNotFound),
        (replies.NO_ARCHIVE, "POST", errors.ModelNotFound),
        (replies.NO_RESOURCE, "GET", errors.RequestRejected),
        (replies.NOT_ALLOWED, "POST", errors.ModelApiDisabled),
        (replies.NOT_ALLOWED, "DELETE", errors.ModelApiDisabled),
        (replies.NOT_ALLOWED, "GET", errors.RequestRejected),
        (replies.CONFLICT, "POST", errors.RequestRejected),
        (replies.NOT_AN_IMAGE, "POST", errors.RequestRejected),
        (replies.WORKER_DIED, "POST", errors.WorkerDied),
        (replies.OVERLOADED, "POST", errors.Overloaded),
        (replies.PREDICTION_FAILED, "POST", errors.ServerError),
    ],
)
def test_each_reply_has_its_error(
    body: dict[str, Any], method: str, expected: type[errors.ReplyError]
) -> None:
    error = error_for_reply(body["code"], json.dumps(body).encode(), method)

    assert type(error) is expected
    assert (error.status, error.kind) == (body["code"], body["type"])
    assert body["message"] in str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_a_proxy_may_refuse_the_token_with_401_or_403(status: int) -> None:
    assert isinstance(error_for_reply(status, b"denied"), errors.AuthenticationError)


def test_a_413_without_a_body_is_explained() -> None:
    # TorchServe sends one, for a body over max_request_size
    assert "max_request_size" in str(error_for_reply(413, b""))


def test_a_refused_token_and_a_closed_model_api_name_the_remedy() -> None:
    refused = error_for_reply(400, json.dumps(replies.INVALID_KEY).encode())
    closed = error_for_reply(405, json.dumps(replies.NOT_ALLOWED).encode(), "POST")

    assert "--run-dir" in str(refused)
    assert "make restart MODEL_API=1" in str(closed)


@given(st.integers(300, 599), st.binary(max_size=2000))
def test_any_body_makes_a_readable_error(status: int, body: bytes) -> None:
    error = error_for_reply(status, body)

    assert error.status == status
    assert 0 < len(str(error)) < 1000
