"""TorchServe's convention: the file as raw body or multipart `data` in; a flat object out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifier.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields


def claims(fields: Fields) -> bool:  # noqa: ARG001
    """Claim every request that no other protocol claims."""
    return True


def read_images(fields: Fields) -> list[tuple[str, bytes]]:
    """Take the image from the body, or from the multipart field `data`."""
    value = fields.get("body", fields.get("data"))
    if isinstance(value, bytes | bytearray):
        return [("", bytes(value))]
    if value is not None:  # TorchServe decodes a body declared as text
        found = "text"
    else:
        # A file that curl sends as a form is split into fields with binary names.
        names = ", ".join(repr(name[:20]) for name in sorted(fields)[:3])
        found = f"form fields named {names}" if fields else "an empty request"
    raise InvalidRequest(
        expected="an image file as the raw body, as multipart field `data` or `images`, or JSON "
        'with "images", "instances" or "inputs"',
        found=found,
        remedy="send it with `curl -T photo.jpg`, or with a Content-Type such as image/jpeg",
    )


def write_reply(
    answers: Sequence[Answer],
    request: Fields,  # noqa: ARG001
    model: tuple[str, str],  # noqa: ARG001
) -> Any:
    """Write `{"daisy": 0.98, "tulips": 0.01}`, best first."""
    return dict(answers[0].ranking)


def write_error(error: Exception, status: int) -> Any:
    """Write an error body with the same three members as TorchServe's own."""
    return {"code": status, "type": type(error).__name__, "message": str(error)}
