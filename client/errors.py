"""The client's exceptions, as one tree.

    ClientError
    ├── LocalFileError              a file on this side cannot be read or written
    ├── KeyFileError                key_file.json is unreadable or not a key file
    ├── ServerUnreachable           no connection: nothing was sent
    │   └── ConnectionLost          the connection broke before the whole answer had arrived
    ├── CertificateRefused          the server's certificate is not trusted
    ├── TimedOut                    connected, but no answer in time
    ├── UnexpectedReply             an answer that is not TorchServe's or not our handler's
    ├── RunFolderBusy               another command is changing what the server serves
    ├── ServerBusy                  no quiet moment came before the deadline
    ├── InFlightUnknown             the server's metrics do not show what is in flight
    ├── WorkersNotReady             new workers did not get ready
    ├── ArchiveRefused              an archive was not verified, or has changed since
    ├── NoStandIn                   no second version can take the requests meanwhile
    ├── VersionRefused              a new version of a model failed its checks
    ├── RolloutFailed               a new version did not take over; the old one still serves
    └── ReplyError                  the server answered with an error; has `status`, `kind`
        ├── RequestRejected         4xx: the request is at fault
        │   ├── AuthenticationError     the token is missing, wrong or expired
        │   ├── ModelNotFound           no such model, version or archive
        │   └── ModelApiDisabled        registering or unregistering with the model API off
        └── ServerError             5xx: the server is at fault
            ├── Overloaded              the job queue is full, or there is no worker
            └── WorkerDied              the worker died while it had the request

`client.api.transport` decides what is retried.
"""

from __future__ import annotations

import json

# The front's, and the handler's, names for "send it again".
_BUSY = ("Overloaded", "Unavailable")
_LONGEST_MESSAGE = 500  # characters of a body other than TorchServe's JSON


class ClientError(Exception):
    """Base of all errors that this package raises on purpose."""


class LocalFileError(ClientError):
    """A file on this side cannot be read or written."""


class KeyFileError(ClientError):
    """key_file.json exists, but cannot be read or is not a key file."""


class ServerUnreachable(ClientError):
    """No connection was established, so nothing was sent."""


class ConnectionLost(ServerUnreachable):
    """The connection broke before the whole answer arrived; the request may have been served."""


class CertificateRefused(ClientError):
    """The server's certificate is not trusted, so nothing was sent."""


class TimedOut(ClientError):
    """The server accepted the request, but did not answer in time."""


class UnexpectedReply(ClientError):
    """The answer is not of the form that TorchServe or our handler gives."""


class RunFolderBusy(ClientError):
    """Another command is changing what the server serves."""


class ServerBusy(ClientError):
    """No quiet moment came before the deadline."""


class InFlightUnknown(ClientError):
    """The server's metrics do not show what is in flight."""


class WorkersNotReady(ClientError):
    """New workers died, or were not ready in time."""


class ArchiveRefused(ClientError):
    """An archive was not verified, or has changed since."""


class NoStandIn(ClientError):
    """No second version of a model can serve the requests while the first one is changed."""


class VersionRefused(ClientError):
    """A new version of a model failed its checks."""


class RolloutFailed(ClientError):
    """A new version of a model did not take over; the old one still serves."""


class ReplyError(ClientError):
    """The server answered with an error status.

    Args:
        status: HTTP status code.
        kind: The server's name for the error, such as ``ModelNotFoundException``; may be empty.
        message: The server's message.
    """

    remedy = ""

    def __init__(self, status: int, kind: str, message: str) -> None:
        self.status, self.kind, self.message = status, kind, message
        super().__init__(status, kind, message)

    def __str__(self) -> str:
        text = f"{self.message} ({self.status})"
        return f"{text}; {self.remedy}" if self.remedy else text


class RequestRejected(ReplyError):
    """4xx: sending the same request again gives the same answer."""


class AuthenticationError(RequestRejected):
    """The token is missing, wrong or expired."""

    remedy = (
        "pass --run-dir with the server's working directory (it holds key_file.json), "
        "or set MARIGOLD_INFERENCE_KEY / MARIGOLD_MANAGEMENT_KEY"
    )


class ModelNotFound(RequestRejected):
    """No such model, version or archive."""


class ModelApiDisabled(RequestRejected):
    """Registering or unregistering while the server's model API is off."""

    remedy = "the model API is off; `make restart MODEL_API=1` turns it on"


class ServerError(ReplyError):
    """5xx: the server is at fault."""


class Overloaded(ServerError):
    """The job queue is full, or the model has no worker."""


class WorkerDied(ServerError):
    """The worker died while it had the request."""


def error_for_reply(status: int, body: bytes, method: str = "GET") -> ReplyError:
    """Turn a reply with an error status into the error to raise.

    Args:
        status: HTTP status code, 300 or more.
        body: The reply's body: TorchServe's JSON object, another JSON object, text, or empty.
        method: The request's method; a 405 to POST or DELETE means that the model API is off.
    """
    kind, message = _read(body, status)
    return _class_for(status, kind, message, method)(status, kind, message)


def _class_for(status: int, kind: str, message: str, method: str) -> type[ReplyError]:
    # TorchServe answers a bad token with 400, proxies in front of it with 401 or 403.
    if kind == "InvalidKeyException" or status in {401, 403}:
        return AuthenticationError
    if kind.startswith("Model") and kind.endswith("NotFoundException"):
        return ModelNotFound
    if status == 405 and method in {"POST", "DELETE"}:  # noqa: PLR2004
        return ModelApiDisabled
    if status < 500:  # noqa: PLR2004
        return RequestRejected
    # The 503 alone is ambiguous: a handler's exception is one too ("Prediction failed").
    if kind in _BUSY or "has no worker" in message:
        return Overloaded
    return WorkerDied if message.startswith("Worker died") else ServerError


def _read(body: bytes, status: int) -> tuple[str, str]:
    """Return the error's kind and message, if the body has them."""
    text = body.decode("utf-8", errors="replace").strip()
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if isinstance(fields, dict):
        named = (fields.get(name) for name in ("message", "error_msg", "error", "status"))
        message = next((value for value in named if isinstance(value, str) and value), "")
        return str(fields.get("type", "")), message or text[:_LONGEST_MESSAGE]
    if not text and status == 413:  # noqa: PLR2004
        text = "the file has more bytes than the server's max_request_size"
    return "", text[:_LONGEST_MESSAGE] or "the server gave no reason"
