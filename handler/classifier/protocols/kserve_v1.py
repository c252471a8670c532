"""TF Serving's and KServe's v1 protocol: `instances` in, `predictions` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifier.errors import InvalidRequest
from classifier.protocols.fields import image_from_base64, members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.answers import Answer
    from classifier.protocols.fields import Fields

_NAMES = ("b64", "data")
_EXAMPLE = '{"instances": [{"b64": "..."}]}'


def claims(fields: Fields) -> bool:
    """Claim requests with a field `instances`."""
    return "instances" in fields


def read_images(fields: Fields) -> list[tuple[str, bytes]]:
    """Decode the `b64` member of each instance, or `data`, as TorchServe's examples call it."""
    images = []
    for index, instance in enumerate(members(fields, "instances", _EXAMPLE)):
        where = f"instances[{index}]"
        names = [name for name in _NAMES if isinstance(instance, dict) and name in instance]
        if not names:
            raise InvalidRequest(
                expected=_EXAMPLE,
                found='an instance without "b64"',
                remedy='give each image as {"b64": "<base64>"}',
                where=where,
            )
        images.append((where, image_from_base64(instance[names[0]], where)))
    return images


def write_reply(
    answers: Sequence[Answer],
    request: Fields,  # noqa: ARG001
    model: tuple[str, str],  # noqa: ARG001
) -> Any:
    """Write one object for each instance, best class first."""
    return {"predictions": [dict(answer.ranking) for answer in answers]}


def write_error(error: Exception, status: int) -> Any:  # noqa: ARG001
    """Write `{"error": "..."}`."""
    return {"error": str(error)}
