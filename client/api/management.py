"""Manages the models and workers of a running server: describe, scale, register and so on.

To scale without losing a request, use `client.operations.scaling`, which builds on this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from client.api.addresses import base_url
from client.api.exchange import Call
from client.api.models import (
    ModelEntry,
    ModelStatus,
    WorkerStatus,
    read_model_entries,
    read_model_status,
)
from client.api.transport import Patience, Transport
from client.errors import AuthenticationError, ModelApiDisabled, RequestRejected, UnexpectedReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.api.tokens import TokenSource

__all__ = ["ManagementClient", "ModelEntry", "ModelStatus", "WorkerStatus"]

START_DEADLINE_S = 180.0  # a worker imports its runtime and compiles the model before it is ready


class ManagementClient:
    """The management API of one server.

    Args:
        url: The management API.
        tokens: Where the management token comes from; None for a server without authorization.
        timeout_s: Longest wait for an answer that needs no worker to start.
        transport: How to send, instead of `url`, `tokens` and `timeout_s`.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8081",
        *,
        tokens: TokenSource | None = None,
        timeout_s: float = 30.0,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or Transport(
            base_url(url),
            kind="management",
            tokens=tokens,
            patience=Patience(read_s=timeout_s, deadline_s=2 * timeout_s),
        )

    def list_models(self, page_size: int = 100) -> list[ModelEntry]:
        """Return every model, with the archive of its default version."""
        found: list[ModelEntry] = []
        page: str | None = "0"
        # TorchServe also names a next page after a last page that is full; that page is empty.
        while page is not None:
            params = {"limit": str(page_size), "next_page_token": page}
            entries, page = read_model_entries(self._get("/models", params))
            found += entries
            if not entries:
                break
        return found

    def describe(
        self, model: str, version: str | None = None, *, customized: bool = False
    ) -> ModelStatus:
        """Return the state of one version.

        Args:
            model: Name of the model.
            version: The version; None for the default one.
            customized: Also ask a worker for the handler's own description, `metadata`. It queues
                behind the predictions, and fails without a worker.

        Raises:
            ModelNotFound: There is no such model or version.
        """
        params = {"customized": "true"} if customized else {}
        return self._describe(_path(model, version), params)[0]

    def describe_all(self, model: str) -> list[ModelStatus]:
        """Return the state of every version of a model; raises as `describe`."""
        return self._describe(_path(model, "all"), {})

    def scale(  # noqa: PLR0913
        self,
        model: str,
        min_worker: int,
        max_worker: int | None = None,
        *,
        version: str | None = None,
        synchronous: bool = True,
        timeout_s: float = START_DEADLINE_S,
    ) -> str:
        """Set the number of workers at once, and return the server's message.

        Scaling down kills workers in the middle of their requests: see `client.operations.scaling`.

        Args:
            model: Name of the model.
            min_worker: Fewest workers. TorchServe starts this many, whatever the load.
            max_worker: Most workers, by default `min_worker`.
            version: The version; None for the default one.
            synchronous: Return when the workers are ready, not when the server has accepted.
            timeout_s: Longest wait for the workers.
        """
        params = {
            "min_worker": str(min_worker),
            "max_worker": str(min_worker if max_worker is None else max_worker),
            "synchronous": str(synchronous).lower(),
        }
        call = Call("PUT", _path(model, version), params=params)
        return self._command(call, idempotent=True, read_s=timeout_s)

    def check_model_api(self) -> None:
        """Check that the server registers models, by asking for one without saying which.

        Raises:
            ModelApiDisabled: It does not.
        """
        try:
            self._command(Call("POST", "/models"), idempotent=True)
        except (AuthenticationError, ModelApiDisabled):
            raise
        except RequestRejected:
            return  # it asks which

    def register(  # noqa: PLR0913
        self,
        url: str,
        *,
        model_name: str | None = None,
        initial_workers: int = 1,
        batch_size: int | None = None,
        max_batch_delay_ms: int | None = None,
        response_timeout_s: int | None = None,
        synchronous: bool = True,
        timeout_s: float = START_DEADLINE_S,
    ) -> str:
        """Register an archive, and return the server's message. Never retried.

        An archive whose model-config.yaml names minWorkers starts that many, not `initial_workers`.

        Args:
            url: File name in the server's model store, or a URL that its allowed_urls admit.
            model_name: Name to serve it under; None for the archive's own.
            initial_workers: Workers to start, 0 for none.
            batch_size: Most requests in a batch.
            max_batch_delay_ms: Longest wait for a batch to fill, milliseconds.
            response_timeout_s: Longest time for a batch, seconds.
            synchronous: Return when the workers are ready.
            timeout_s: Longest wait for the answer.

        Raises:
            ModelApiDisabled: The server does not allow it.
            ModelNotFound: There is no such archive.
            RequestRejected: It is registered already, or the server refuses it.
        """
        values = {
            "url": url,
            "model_name": model_name,
            "initial_workers": initial_workers,
            "batch_size": batch_size,
            "max_batch_delay": max_batch_delay_ms,
            "response_timeout": response_timeout_s,
            "synchronous": str(synchronous).lower(),
        }
        params = {name: str(value) for name, value in values.items() if value is not None}
        call = Call("POST", "/models", params=params)
        return self._command(call, idempotent=False, read_s=timeout_s)

    def unregister(self, model: str, version: str | None = None) -> str:
        """Unregister a version, by default the default one. Requests in progress are lost.

        Raises:
            ModelApiDisabled: The server does not allow it.
            ModelNotFound: There is no such model or version.
            RequestRejected: It is the default version, and there are others.
        """
        return self._command(Call("DELETE", _path(model, version)), idempotent=False)

    def set_default(self, model: str, version: str) -> str:
        """Make a version the one that is served where the request names none."""
        return self._command(Call("PUT", _path(model, version) + "/set-default"), idempotent=True)

    def _get(self, path: str, params: Mapping[str, str]) -> Any:
        reply = self._transport.send(Call("GET", path, params=params), idempotent=True)
        try:
            return reply.json()
        except ValueError as error:
            raise UnexpectedReply("the management API's answer is not JSON") from error

    def _describe(self, path: str, params: Mapping[str, str]) -> list[ModelStatus]:
        reply = self._get(path, params)
        if not isinstance(reply, list) or not reply:
            raise UnexpectedReply("the description of a model is not a list")
        return [read_model_status(fields) for fields in reply]

    def _command(self, call: Call, *, idempotent: bool, read_s: float | None = None) -> str:
        reply = self._transport.send(call, idempotent=idempotent, read_s=read_s)
        try:
            return str(reply.json()["status"])
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedReply("the management API's answer has no status") from error


def _path(model: str, version: str | None = None) -> str:
    parts = ["models", model] + ([version] if version else [])
    return "".join("/" + quote(part, safe="") for part in parts)
