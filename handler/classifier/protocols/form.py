"""Takes a multipart form apart (RFC 7578), once its parts are counted.

TorchServe spends a tenth of a millisecond on each part, in Java and again in its worker, however
small and however many. So the front declares forms as plain bytes, which TorchServe passes on as
they are. Whoever asks TorchServe itself has his forms taken apart by it.

A form is answered for one photo: none of the replies to a form has room for more, and of several in
one field TorchServe would pass on the last.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from classifier.errors import InvalidRequest, TooLarge
from classifier.protocols.json_text import looks_like_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_PARTS = 128  # Netty's own limit, in versions later than TorchServe's
_DASHES = b"--"  # no accepted image format begins with them
_LINE = b"\r\n"
_BOUNDARY = 70  # at most, in bytes: RFC 2046, section 5.1.1
_HEADER = 4096  # of a part, in bytes
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?;[ \t]*name=(?:"([^"\r\n]*)"|([^";\s]+))',
    re.IGNORECASE | re.MULTILINE,
)
_FILE = re.compile(
    rb"^content-disposition:[^\r\n]*?;[ \t]*filename\*?=", re.IGNORECASE | re.MULTILINE
)
_PHOTO_FIELDS = ("data", "images")  # whose photo may also be base64 text, which is no file


class Part(NamedTuple):
    """A part of a form.

    Attributes:
        name: Of its field.
        value: What was sent.
        is_photo: Whether that is meant to be a photo, rather than a value beside it.
    """

    name: str
    value: bytes
    is_photo: bool


class Form(dict[str, bytes]):
    """The fields of a form, one of each name, and the parts that they come from."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)
        super().__init__({part.name: part.value for part in self.parts})


def without_form(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replace a form in the body by its fields, unless TorchServe has taken it apart already.

    Raises:
        InvalidRequest: The body is meant to be a form, and is none.
        TooLarge: It has more than `MAX_PARTS` parts, or the row more fields.
    """
    if len(row) > MAX_PARTS:
        raise _too_many(f"more than {MAX_PARTS}")
    body = row.get("body")
    return parse_form(body) if looks_like_form(body) else row


def check_one_photo(row: Mapping[str, Any]) -> None:
    """Refuse a form of several photos.

    Raises:
        InvalidRequest: There are several; the message tells their fields.
    """
    photos = [part.name for part in row.parts if part.is_photo] if isinstance(row, Form) else []
    if len(photos) > 1:
        names = ", ".join(repr(name[:20]) for name in photos[:3])
        raise InvalidRequest(
            expected="one photo in a form",
            found=f"{len(photos)} files, in the fields {names}",
            remedy='send each in a request of its own, or all in one JSON body, as "instances"',
        )


def looks_like_form(value: Any) -> TypeGuard[bytes | bytearray]:
    """Whether a body begins like a multipart form."""
    return isinstance(value, bytes | bytearray) and value.startswith(_DASHES)


def parse_form(body: bytes | bytearray) -> Form:
    """Take a form apart.

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
        raise _too_many(f"{parts:,}")
    *sections, rest = bytes(body[end:]).split(delimiter)
    if not rest.startswith(_DASHES):
        raise _no_form("one that ends before its last boundary")
    return Form(_part(section) for section in sections)


def _too_many(found: str) -> TooLarge:
    return TooLarge(
        expected=f"a form of at most {MAX_PARTS} parts",
        found=found,
        remedy="send one photo a form; JSON may have several",
    )


def _part(section: bytes) -> Part:
    header, separator, value = section.partition(_LINE * 2)
    name = _NAME.search(header) if len(header) <= _HEADER else None
    if not separator or not name:
        raise _no_form("a part without a name")
    text = (name[1] if name[1] is not None else name[2]).decode("utf-8", "replace")
    # A browser sends a file that nobody chose as an empty one.
    may_be = bool(value) and (_FILE.search(header) is not None or text in _PHOTO_FIELDS)
    return Part(text, value, may_be and not looks_like_json(value))


def _no_form(found: str) -> InvalidRequest:
    return InvalidRequest(
        expected="a multipart form such as `curl -F data=@photo.jpg` sends",
        found=found,
        remedy="let a library write the form, or send the photo with `curl -T photo.jpg`",
    )
