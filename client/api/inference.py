"""Classifies photos with a running server.

Photos are sent as they are: the server decodes and checks them, and says what is wrong.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from client.api.addresses import base_url
from client.api.exchange import Call, new_session
from client.api.predictions import Prediction, read_prediction
from client.api.transport import Patience, Transport
from client.errors import ClientError, LocalFileError, UnexpectedReply

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from concurrent.futures import Future
    from pathlib import Path

    import requests

    from client.api.tokens import TokenSource
    from client.api.trust import Trust

__all__ = ["InferenceClient", "Prediction"]

# TorchServe decodes bodies declared as text or JSON; this type reaches the handler as sent.
_BYTES = "application/octet-stream"


class InferenceClient:
    """The inference API of one server, for one model.

    Args:
        url: The inference API.
        model: Name of the model.
        version: Version of the model; None for the server's default version.
        tokens: Where the inference token comes from; None for a server without authorization.
        timeout_s: Longest wait for one answer. All attempts together take at most twice as long, or
            `outage_s` longer.
        outage_s: How long to keep retrying while the server is down, restarts or has a full queue;
            0 to fail at once if the server is not running.
        trust: How to verify the certificate of an https server.
        transport: How to send, instead of the arguments above.
    """

    def __init__(  # noqa: PLR0913
        self,
        url: str = "http://127.0.0.1:8080",
        model: str = "flowers",
        *,
        version: str | None = None,
        tokens: TokenSource | None = None,
        timeout_s: float = 30.0,
        outage_s: float = 0.0,
        trust: Trust | None = None,
        transport: Transport | None = None,
    ) -> None:
        patience = Patience(
            read_s=timeout_s, deadline_s=timeout_s + max(timeout_s, outage_s), outage_s=outage_s
        )
        self._transport = transport or Transport(
            base_url(url),
            kind="inference",
            tokens=tokens,
            session=new_session(url, trust),
            patience=patience,
        )
        self._target = "/".join(quote(part, safe="") for part in (model, version) if part)

    def predict(self, image: bytes | Path) -> Prediction:
        """Classify one photo.

        Args:
            image: The bytes of an image file, or where the file is.

        Raises:
            LocalFileError: The file cannot be read.
            RequestRejected: The server refuses the photo; the message says why.
            ClientError: No answer; see `client.errors`.
        """
        return read_prediction(_read_json(self._post("predictions", image)))

    def predict_many(
        self, images: Iterable[Path], concurrency: int = 8
    ) -> Generator[tuple[Path, Prediction | ClientError], None, None]:
        """Classify many photos, several at a time; yields them in the order given.

        Lazy: at most ``2 * concurrency`` photos are taken from `images` ahead of the one yielded.
        A photo that fails is yielded with its error; the others go on.

        Args:
            images: Where the files are.
            concurrency: Requests in flight at a time, at least 1.

        Raises:
            ValueError: `concurrency` is below 1.
        """
        if concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, such as 8; it is {concurrency}")
        return self._in_order(images, concurrency)

    def explain(self, image: bytes | Path) -> dict[str, Any]:
        """Return the label, its probability and its class activation map; raises as `predict`."""
        reply = _read_json(self._post("explanations", image))
        if not isinstance(reply, dict):
            raise UnexpectedReply("the explanation is not a JSON object")
        return reply

    def explain_png(self, image: bytes | Path) -> bytes:
        """Return a PNG file: the photo as the model saw it, under its class activation map.

        Raises as `predict`.
        """
        content = self._post("explanations", image, accept="image/png").content
        if not content.startswith(b"\x89PNG"):
            raise UnexpectedReply("the server did not send a PNG; can its handler explain answers?")
        return content

    def ping(self) -> str:
        """Return the health that the server reports, ``Healthy`` if all is well.

        TorchServe also reports ``Healthy`` while a dead worker restarts, and without any worker.
        """
        reply = _read_json(self._transport.send(Call("GET", "/ping"), idempotent=True))
        return str(reply["status"]) if isinstance(reply, dict) and "status" in reply else str(reply)

    def _post(
        self, api: str, image: bytes | Path, accept: str = "application/json"
    ) -> requests.Response:
        call = Call(
            "POST",
            f"/{api}/{self._target}",
            body=_read_image(image),
            headers={"Content-Type": _BYTES, "Accept": accept},
        )
        return self._transport.send(call, idempotent=True)

    def _in_order(
        self, images: Iterable[Path], concurrency: int
    ) -> Generator[tuple[Path, Prediction | ClientError], None, None]:
        pending: deque[tuple[Path, Future[Prediction | ClientError]]] = deque()
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="predict")
        try:
            for image in images:
                pending.append((image, pool.submit(self._predict_or_error, image)))
                # Twice as many as run, so that one slow photo does not leave the threads idle.
                if len(pending) >= 2 * concurrency:
                    path, future = pending.popleft()
                    yield path, future.result()
            while pending:
                path, future = pending.popleft()
                yield path, future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _predict_or_error(self, image: Path) -> Prediction | ClientError:
        try:
            return self.predict(image)
        except ClientError as error:
            return error


def _read_image(image: bytes | Path) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return image.read_bytes()
    except OSError as error:
        raise LocalFileError(f"cannot read {image}: {error.strerror}") from error


def _read_json(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except ValueError as error:
        raise UnexpectedReply("the server's answer is not JSON") from error
