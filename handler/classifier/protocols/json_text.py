"""Checks the size of JSON before parsing it.

A parser spends time on each value, however small: 20 MB of empty objects keep it busy for seconds,
20 MB of base64 in a few strings for a hundredth of a second.
"""

from __future__ import annotations

import json
from typing import Any

from classifier.errors import InvalidRequest, TooLarge

# Each value but the first follows one of these. Those within strings count too; base64 has none.
# No accepted image format begins with one of the brackets.
_STRUCTURE = b"{[,"
_START = 64  # the bytes that JSON begins with, after white space


def looks_like_json(value: Any) -> bool:
    """Whether bytes or text begin like a JSON object or array."""
    if isinstance(value, bytes | bytearray):
        start = value[:_START].lstrip() or value.lstrip()[:1]
        return start[:1] in (b"{", b"[")
    return isinstance(value, str) and (value[:_START].lstrip() or value.lstrip())[:1] in ("{", "[")


def parse_json(text: str | bytes | bytearray, max_parts: int) -> Any:
    """Parse JSON.

    Args:
        text: UTF-8, UTF-16 or UTF-32, or decoded.
        max_parts: How many members, elements and braces it may have.

    Raises:
        InvalidRequest: It is not JSON, or is too deeply nested.
        TooLarge: It has too many parts.
    """
    encoded = text.encode() if isinstance(text, str) else text
    parts = len(encoded) - len(encoded.translate(None, _STRUCTURE))  # in one pass
    if parts > max_parts:
        raise TooLarge(
            expected=f"JSON of at most {max_parts:,} members, elements and braces",
            found=f"{parts:,}",
            remedy="send the images, and nothing else; spread many over several requests",
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            expected="JSON", found=f"a syntax error ({error})", remedy="check the body"
        ) from error
