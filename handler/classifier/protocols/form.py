"""Takes a multipart form apart (RFC 7578), once its parts are counted.

TorchServe spends a tenth of a millisecond on each part, in Java and again in its worker, however
small and however many. So the front declares forms as plain bytes, which TorchServe passes on as
they are. Whoever asks TorchServe itself has his forms taken apart by it.
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from classifier.errors import InvalidRequest, TooLarge

MAX_PARTS = 128  # Netty's own limit, in versions later than TorchServe's
_DASHES = b"--"  # no accepted image format begins with them
_LINE = b"\r\n"
_BOUNDARY = 70  # at most, in bytes: RFC 2046, section 5.1.1
_HEADER = 4096  # of a part, in bytes
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?;[ \t]*name=(?:"([^"\r\n]*)"|([^";\s]+))',
    re.IGNORECASE | re.MULTILINE,
)


def looks_like_form(value: Any) -> TypeGuard[bytes | bytearray]:
    """Whether a body begins like a multipart form."""
    return isinstance(value, bytes | bytearray) and value.startswith(_DASHES)


def parse_form(body: bytes | bytearray) -> dict[str, bytes]:
    """Return the contents of the fields by name; of several with one name, the last.

    Raises:
        InvalidRequest: The body is no such form, or was cut off.
        TooLarge: It has more than `MAX_PARTS` parts.
    """
    end = body.find(_LINE, 0, len(_DASHES) + _BOUNDARY + len(_LINE))
    if end <= len(_DASHES):
        raise _no_form("a first line without a boundary")
    delimiter = _LINE + bytes(body[:end]).rstrip()
    # The last one ends the form; the first one has no line before it.
    parts = body.count(delimiter)
    if parts > MAX_PARTS:
        raise TooLarge(
            expected=f"a form of at most {MAX_PARTS} parts",
            found=f"{parts:,}",
            remedy="send one photo a form; JSON may have several",
        )
    *sections, rest = bytes(body[end:]).split(delimiter)
    if not rest.startswith(_DASHES):
        raise _no_form("one that ends before its last boundary")
    return dict(_field(section) for section in sections)


def _field(section: bytes) -> tuple[str, bytes]:
    header, separator, value = section.partition(_LINE * 2)
    name = _NAME.search(header) if len(header) <= _HEADER else None
    if not separator or not name:
        raise _no_form("a part without a name")
    return (name[1] if name[1] is not None else name[2]).decode("utf-8", "replace"), value


def _no_form(found: str) -> InvalidRequest:
    return InvalidRequest(
        expected="a multipart form such as `curl -F data=@photo.jpg` sends",
        found=found,
        remedy="let a library write the form, or send the photo with `curl -T photo.jpg`",
    )
