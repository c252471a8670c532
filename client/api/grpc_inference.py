"""Classifies photos over gRPC, for callers that need it; `client.api.inference` does more.

Requires grpcio and googleapis-common-protos, which the rest of this package does not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty

from client.api.grpc_call import GrpcChannel
from client.api.grpc_stubs.inference_pb2 import PredictionsRequest
from client.api.grpc_stubs.inference_pb2_grpc import InferenceAPIsServiceStub
from client.api.predictions import Prediction, read_prediction
from client.errors import UnexpectedReply, error_for_reply

if TYPE_CHECKING:
    from pathlib import Path

    from client.api.tokens import TokenSource


class GrpcInferenceClient:
    """The gRPC inference API of one server, for one model.

    Args:
        target: Host and port; the port is the inference port plus 3.
        model: Name of the model.
        version: Version of the model; None for the server's default version.
        tokens: Where the inference token comes from; None for a server without authorization.
        ca_file: PEM file of the authorities to trust, or of a self-signed certificate; None for a
            server without TLS.
        timeout_s: Longest wait for one answer, seconds.
    """

    def __init__(  # noqa: PLR0913 - where, what, and four things that all have a usual value
        self,
        target: str = "127.0.0.1:8083",
        model: str = "flowers",
        *,
        version: str | None = None,
        tokens: TokenSource | None = None,
        ca_file: Path | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._channel = GrpcChannel(
            target, kind="inference", tokens=tokens, ca_file=ca_file, timeout_s=timeout_s
        )
        self._stub = InferenceAPIsServiceStub(self._channel.channel)
        self._model, self._version = model, version

    def predict(self, image: bytes) -> Prediction:
        """Classify one photo.

        Args:
            image: The bytes of an image file.

        Raises:
            RequestRejected: The server refuses the photo; the message says why.
            ClientError: No answer; see `client.errors`.
        """
        request = PredictionsRequest(
            model_name=self._model, model_version=self._version or "", input={"data": image}
        )
        reply = self._channel.call(self._stub.Predictions, request)
        try:
            fields = json.loads(reply.prediction)
        except ValueError as error:
            raise UnexpectedReply("the server's answer is not JSON") from error
        # TorchServe drops the handler's status: a refusal arrives as a success.
        if isinstance(fields, dict) and isinstance(fields.get("code"), int):
            raise error_for_reply(fields["code"], reply.prediction)
        return read_prediction(fields)

    def ping(self) -> str:
        """Return the server's health in its own words."""
        reply = self._channel.call(self._stub.Ping, Empty())
        return str(json.loads(reply.health)["status"])

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()
