"""What the protocols share: named fields, and images as base64 in JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from classifier.errors import InvalidRequest

Fields = Mapping[str, Any]


def image_from_base64(text: Any, where: str) -> bytes:
    """Decode an image's file contents from base64 (RFC 4648, section 4).

    Raises:
        InvalidRequest: It is not base64 text.
    """
    if not isinstance(text, str):
        found = f"a JSON {type(text).__name__}"
    else:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            found = f"text that is not base64 ({error})"
            if text.startswith("data:"):
                found = "a data: URL"
    raise InvalidRequest(
        expected="an image file as base64 text",
        found=found,
        remedy="send the output of `base64 -w0 photo.jpg`, without prefix or line breaks",
        where=where,
    )


def members(fields: Fields, name: str, example: str) -> list[Any]:
    """Return the non-empty list called `name`.

    Raises:
        InvalidRequest: It is not a list, or is empty; the message shows `example`.
    """
    value = fields[name]
    if isinstance(value, list) and value:
        return value
    found = "an empty list" if value == [] else f"a JSON {type(value).__name__}"
    raise InvalidRequest(
        expected=example, found=f'{found} under "{name}"', remedy="put at least one image there"
    )
