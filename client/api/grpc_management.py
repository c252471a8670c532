"""Manages models and workers over gRPC: the calls of TorchServe's interface, one for one.

To scale without losing a request, use `client.operations.scaling`, over HTTP.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from client.api.grpc_call import GrpcChannel
from client.api.grpc_stubs import management_pb2 as messages
from client.api.grpc_stubs.management_pb2_grpc import ManagementAPIsServiceStub
from client.api.management import START_DEADLINE_S
from client.api.models import ModelEntry, ModelStatus, read_model_entries, read_model_status
from client.errors import UnexpectedReply

if TYPE_CHECKING:
    from pathlib import Path

    from client.api.tokens import TokenSource


class GrpcManagementClient:
    """The gRPC management API of one server.

    Args:
        target: Host and port; the port is the inference port plus 4.
        tokens: Where the management token comes from; None for a server without authorization.
        ca_file: PEM file of the authorities to trust, or of a self-signed certificate; None for a
            server without TLS.
        timeout_s: Longest wait for an answer that needs no worker to start, seconds.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:8084",
        *,
        tokens: TokenSource | None = None,
        ca_file: Path | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._channel = GrpcChannel(
            target, kind="management", tokens=tokens, ca_file=ca_file, timeout_s=timeout_s
        )
        self._stub = ManagementAPIsServiceStub(self._channel.channel)

    def list_models(self) -> list[ModelEntry]:
        """Return the first hundred models, with the archive of their default versions."""
        request = messages.ListModelsRequest(limit=100)
        entries, _ = read_model_entries(self._json(self._stub.ListModels, request))
        return entries

    def describe(self, model: str, version: str | None = None) -> ModelStatus:
        """Return the state of one version, by default the default one.

        Raises:
            ModelNotFound: There is no such model or version.
        """
        request = messages.DescribeModelRequest(model_name=model, model_version=version or "")
        reply = self._json(self._stub.DescribeModel, request)
        if not isinstance(reply, list) or not reply:
            raise UnexpectedReply("the description of a model is not a list")
        return read_model_status(reply[0])

    def scale(self, model: str, workers: int, *, version: str | None = None) -> str:
        """Set the number of workers, wait for them, and return the server's message.

        Scaling down kills workers in the middle of their requests: see `client.operations.scaling`.
        """
        request = messages.ScaleWorkerRequest(
            model_name=model,
            model_version=version or "",
            min_worker=workers,
            max_worker=workers,
            synchronous=True,
        )
        return self._words(self._stub.ScaleWorker, request)

    def register(self, url: str, *, model_name: str | None = None, workers: int = 1) -> str:
        """Register an archive, wait for its workers, and return the server's message.

        Raises:
            ModelApiDisabled: The server does not allow it.
            RequestRejected: There is no such archive, or it is registered already.
        """
        request = messages.RegisterModelRequest(
            url=url, model_name=model_name or "", initial_workers=workers, synchronous=True
        )
        return self._words(self._stub.RegisterModel, request)

    def unregister(self, model: str, version: str | None = None) -> str:
        """Unregister a version, by default the default one. Requests in progress are lost."""
        request = messages.UnregisterModelRequest(model_name=model, model_version=version or "")
        return self._words(self._stub.UnregisterModel, request)

    def set_default(self, model: str, version: str) -> str:
        """Make a version the one that is served where the request names none."""
        request = messages.SetDefaultRequest(model_name=model, model_version=version)
        return self._words(self._stub.SetDefault, request)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _words(self, method: Any, request: Any) -> str:
        reply = self._channel.call(method, request, timeout_s=START_DEADLINE_S)
        return str(reply.msg)

    def _json(self, method: Any, request: Any) -> Any:
        try:
            return json.loads(self._channel.call(method, request).msg)
        except ValueError as error:
            raise UnexpectedReply("the management API's answer is not JSON") from error
