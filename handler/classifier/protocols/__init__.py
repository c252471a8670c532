"""The protocols of `/predictions`; a reply uses the protocol of its request.

    raw body, or multipart `data=`               TorchServe's convention     torchserve
    multipart `images=`, or JSON `{"images"}`    Huawei ModelArts            modelarts
    JSON `{"instances": [{"b64"}]}`              TF Serving, KServe v1       kserve_v1
    JSON `{"inputs": [{"datatype": "BYTES"}]}`   Open Inference Protocol v2  open_inference

Only the replies of ModelArts and Open Inference can say that an image is none of the classes.

Each module has the four functions of `WireProtocol`: they recognise and read a request, and write
the reply or the error. Nothing here decodes an image or knows TorchServe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from classifier.errors import InvalidRequest
from classifier.protocols import kserve_v1, modelarts, open_inference, torchserve
from classifier.protocols.json_text import looks_like_json, parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields


class WireProtocol(Protocol):
    """One protocol; the modules of this package implement it."""

    def claims(self, fields: Fields) -> bool:
        """Whether the request is in this protocol, or was meant to be."""
        ...

    def read_images(self, fields: Fields) -> list[tuple[str, bytes]]:
        """Return the place (for messages; may be empty) and file contents of each image.

        Raises:
            InvalidRequest: The request is malformed; the message shows a valid one.
        """
        ...

    def write_reply(self, answers: Sequence[Answer], request: Fields, model: ModelName) -> Any:
        """Return the reply's body, ready for JSON, to the images in the request's order."""
        ...

    def write_error(self, error: Exception, status: int) -> Any:
        """Return an error's body, ready for JSON."""
        ...


ModelName = tuple[str, str]  # name and version

# In the order in which they are tried; TorchServe's own accepts the rest.
PROTOCOLS: tuple[WireProtocol, ...] = (modelarts, kserve_v1, open_inference, torchserve)


_LISTS = ("instances", "inputs")  # fields that hold JSON even in a form


def read_fields(row: Mapping[str, Any], max_json_parts: int) -> Fields:
    """Turn what TorchServe passes for one request into named fields.

    A JSON object in the body, or uploaded as the one field `data`, is replaced by its members.

    Raises:
        InvalidRequest: The body is meant to be JSON but is not a JSON object.
        TooLarge: JSON has more than `max_json_parts` members, elements and braces.
    """
    name = "body" if "body" in row else "data"
    if name not in row:
        lists = {field: row[field] for field in _LISTS if looks_like_json(row.get(field))}
        return {**row, **{field: parse_json(lists[field], max_json_parts) for field in lists}}
    if not looks_like_json(row[name]):
        return row
    value = parse_json(row[name], max_json_parts)
    if not isinstance(value, dict):
        raise InvalidRequest(
            expected='a JSON object such as {"instances": [{"b64": "..."}]}',
            found=f"a JSON {type(value).__name__}",
            remedy="wrap it in an object",
        )
    return value


def recognise(fields: Fields) -> WireProtocol:
    """Return the protocol of a request."""
    return next(protocol for protocol in PROTOCOLS if protocol.claims(fields))
