"""Huawei ModelArts: multipart or base64 `images`; label and scores, or an `erno` body, back.

The bodies match those of the platform's PyTorch services, spelling included.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from classifier.errors import RequestError
from classifier.protocols.fields import image_from_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields

_START = 64  # in bytes; an image's first bytes are never all letters and digits
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+=*")


def claims(fields: Fields) -> bool:
    """Claim requests with a field `images`."""
    return "images" in fields


def read_images(fields: Fields) -> list[tuple[str, bytes]]:
    """Take the image from the multipart field, or decode it from JSON."""
    value = fields["images"]
    if isinstance(value, bytes | bytearray) and _BASE64.fullmatch(value[:_START]):
        value = value.decode("ascii", "replace")  # a field that is declared as text
    if isinstance(value, bytes | bytearray):
        return [("images", bytes(value))]
    return [("images", image_from_base64(value, "images"))]


def write_reply(
    answers: Sequence[Answer],
    request: Fields,  # noqa: ARG001
    model: tuple[str, str],  # noqa: ARG001
) -> Any:
    """Write `{"predicted_label": "roses", "scores": [["roses", 0.99], ...]}`."""
    answer = answers[0]
    reply = {"predicted_label": answer.ranking[0][0], "scores": answer.ranking}
    return reply if answer.rejected is None else reply | {"rejected": answer.rejected}


def write_error(error: Exception, status: int) -> Any:  # noqa: ARG001
    """Write the platform's error body; its code distinguishes an empty request from a bad image."""
    empty = isinstance(error, RequestError) and error.found.startswith("an empty")
    code, message = (
        ("MR.0101", "The input parameter is invalid")
        if empty
        else ("MR.0105", "Recognition failed")
    )
    return {"erno": code, "msg": f"{message}: {error}", "words_result": {}}
