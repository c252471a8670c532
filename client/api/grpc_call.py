"""One gRPC call: sends a request with a token, returns the reply or raises a typed error.

The errors are those of HTTP (`client.errors`), so that callers need not know the protocol.
A call is retried only once, with another token, if the first token was refused. The HTTP clients
retry more (`client.api.transport`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import grpc

from client.api.trust import read_certificates
from client.errors import (
    AuthenticationError,
    CertificateRefused,
    ClientError,
    ModelApiDisabled,
    ModelNotFound,
    Overloaded,
    ReplyError,
    RequestRejected,
    ServerError,
    ServerUnreachable,
    TimedOut,
)

if TYPE_CHECKING:
    from pathlib import Path

    from client.api.key_file import TokenKind
    from client.api.tokens import TokenSource

_LARGEST_REPLY = 32 * 2**20  # the server's max_response_size
# The HTTP status that stands for a code of gRPC, and the error of `client.errors`.
_ERRORS: dict[grpc.StatusCode, tuple[int, type[ReplyError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: (400, RequestRejected),
    grpc.StatusCode.FAILED_PRECONDITION: (400, RequestRejected),
    grpc.StatusCode.OUT_OF_RANGE: (400, RequestRejected),
    grpc.StatusCode.UNAUTHENTICATED: (401, AuthenticationError),
    grpc.StatusCode.PERMISSION_DENIED: (403, AuthenticationError),
    grpc.StatusCode.NOT_FOUND: (404, ModelNotFound),
    grpc.StatusCode.UNIMPLEMENTED: (405, ModelApiDisabled),
    grpc.StatusCode.ALREADY_EXISTS: (409, RequestRejected),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (503, Overloaded),
}


class _Method(Protocol):
    """A method of a generated stub."""

    def __call__(self, request: Any, *, timeout: float, metadata: Any) -> Any: ...


class GrpcChannel:
    """A connection to one of the server's gRPC ports; can be used in a `with` block.

    Args:
        target: Host and port, such as ``127.0.0.1:8083``.
        kind: Which of the server's tokens this port requires.
        tokens: Where tokens come from; None sends none.
        ca_file: PEM file of the authorities to trust, or of a self-signed certificate; None for a
            server without TLS.
        timeout_s: Longest wait for an answer, seconds.

    Raises:
        LocalFileError: `ca_file` cannot be read, or contains no certificate.
    """

    def __init__(
        self,
        target: str,
        *,
        kind: TokenKind,
        tokens: TokenSource | None,
        ca_file: Path | None,
        timeout_s: float,
    ) -> None:
        self._target, self._kind, self._tokens, self._timeout_s = target, kind, tokens, timeout_s
        options = [("grpc.max_receive_message_length", _LARGEST_REPLY)]
        if ca_file is None:
            self.channel = grpc.insecure_channel(target, options=options)
        else:
            credentials = grpc.ssl_channel_credentials(read_certificates(ca_file).encode())
            self.channel = grpc.secure_channel(target, credentials, options=options)

    def call(self, method: _Method, request: Any, *, timeout_s: float | None = None) -> Any:
        """Call a method of a stub that was made for `channel`.

        Raises:
            ClientError: No answer, or an error; see `client.errors`.
        """
        timeout_s = timeout_s or self._timeout_s
        token = self._tokens.current(self._kind) if self._tokens else None
        try:
            return self._call_once(method, request, token, timeout_s)
        except AuthenticationError:
            other = self._other_token(token)
            if other is None:
                raise
        return self._call_once(method, request, other, timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self.channel.close()

    def _other_token(self, rejected: str | None) -> str | None:
        try:
            return self._tokens.replace(self._kind, rejected) if self._tokens else None
        except ClientError:
            return None  # the call failed because of its token: report that error

    def _call_once(self, method: _Method, request: Any, token: str | None, timeout_s: float) -> Any:
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            return method(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise self._explain(error, timeout_s) from error

    def _explain(self, error: Any, timeout_s: float) -> ClientError:
        code, details = error.code(), error.details() or "the server gave no reason"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimedOut(f"no answer from {self._target} within {timeout_s:.3g} s")
        if code is grpc.StatusCode.UNAVAILABLE and "CERTIFICATE_VERIFY_FAILED" in details:
            return CertificateRefused(f"the certificate of {self._target} is not in `ca_file`")
        if code is grpc.StatusCode.UNAVAILABLE:
            return ServerUnreachable(f"nothing answers at {self._target}: {details}")
        status, kind = _ERRORS.get(code, (500, ServerError))
        return kind(status, code.name, details)
