"""The protocols of `/predictions`; a reply uses the protocol of its request.

    raw body, or multipart `data=`               TorchServe's convention     torchserve
    multipart `images=`, or JSON `{"images"}`    Huawei ModelArts            modelarts
    JSON `{"instances": [{"b64"}]}`              TF Serving, KServe v1       kserve_v1
    JSON `{"inputs": [{"datatype": "BYTES"}]}`   Open Inference Protocol v2  open_inference

ModelArts' and Open Inference's replies have room to say that an image is none of the classes.

Each module has the four functions of `WireProtocol`: what a request is made of, how answers and
errors are written. Nothing here decodes an image or knows TorchServe.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from classifier.errors import InvalidRequest
from classifier.protocols import kserve_v1, modelarts, open_inference, torchserve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields


class WireProtocol(Protocol):
    """One protocol; the modules of this package implement it."""

    def claims(self, fields: Fields) -> bool:
        """Whether the request is in this form, or was meant to be."""
        ...

    def read_images(self, fields: Fields) -> list[tuple[str, bytes]]:
        """Return the place (for messages; may be empty) and file contents of each image.

        Raises:
            InvalidRequest: The request breaks the form; the message shows how it looks.
        """
        ...

    def write_reply(self, answers: Sequence[Answer], request: Fields, model: ModelName) -> Any:
        """Return the reply's body, ready for JSON, to the images in the request's order."""
        ...

    def write_error(self, error: Exception, status: int) -> Any:
        """Return an error's body, ready for JSON."""
        ...


ModelName = tuple[str, str]  # name and version

# In the order in which they are asked; TorchServe's own form takes what is left.
PROTOCOLS: tuple[WireProtocol, ...] = (modelarts, kserve_v1, open_inference, torchserve)


def read_fields(row: Mapping[str, Any]) -> Fields:
    """Turn what TorchServe hands over for one request into named fields.

    A JSON object in the body, or uploaded as the one field `data`, is replaced by its members.
    TorchServe decodes JSON itself only if the content type is exactly ``application/json``.

    Raises:
        InvalidRequest: The body is meant to be JSON, but is no JSON object.
    """
    name = "body" if "body" in row else "data"
    value = row.get(name)
    if isinstance(value, dict):
        return value
    if isinstance(value, list) or _looks_like_json(value):
        try:
            parsed = json.loads(value) if isinstance(value, str | bytes | bytearray) else value
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(
                expected="JSON", found=f"a syntax error ({error})", remedy="check the body"
            ) from error
        if not isinstance(parsed, dict):
            raise InvalidRequest(
                expected='a JSON object such as {"instances": [{"b64": "..."}]}',
                found=f"a JSON {type(parsed).__name__}",
                remedy="wrap it in an object",
            )
        return parsed
    return row


def recognise(fields: Fields) -> WireProtocol:
    """Return the protocol that a request speaks."""
    return next(protocol for protocol in PROTOCOLS if protocol.claims(fields))


def _looks_like_json(value: Any) -> bool:
    # No accepted image format begins with a brace or a bracket.
    if isinstance(value, bytes | bytearray):
        return value[:64].lstrip()[:1] in (b"{", b"[")
    return isinstance(value, str) and value[:64].lstrip()[:1] in ("{", "[")
