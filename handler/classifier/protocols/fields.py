"""What the protocols share: named fields, and images as base64 in JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from classifier.errors import InvalidRequest

Fields = Mapping[str, Any]
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*[_-][A-Za-z0-9_-]*={0,2}")  # RFC 4648, section 5
_UNPADDED = re.compile(r"[A-Za-z0-9+/\s]+")


def image_from_base64(text: Any, where: str) -> bytes:
    """Decode an image's file contents from base64 (RFC 4648, section 4).

    Raises:
        InvalidRequest: It is not base64 text.
    """
    if not isinstance(text, str):
        found = f"a JSON {type(text).__name__}"
    else:
        try:
            return base64.b64decode(_in_one_line(text), validate=True)
        except (binascii.Error, ValueError) as error:
            found = f"text that is not base64 ({error})"
            if text.startswith("data:"):
                found = "a data: URL"
            elif _URL_SAFE.fullmatch(text):
                found = 'url-safe base64 (with "-" or "_" for "+" and "/")'
            elif _UNPADDED.fullmatch(text):
                found = 'base64 without its padding ("=" up to a multiple of 4 characters)'
    raise InvalidRequest(
        expected="an image file as base64 text",
        found=found,
        remedy="send the output of `base64 -w0 photo.jpg`, without a prefix",
        where=where,
    )


def _in_one_line(text: str) -> str:
    """Remove the line breaks that MIME and `base64` add; looking for some costs next to nothing."""
    return text.replace("\r", "").replace("\n", "") if "\n" in text else text


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
