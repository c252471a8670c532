"""One parsed request: its protocol and images, or the error for its sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.errors import RequestError, TooLarge
from classifier.protocols import read_fields, recognise, torchserve
from classifier.protocols.form import check_one_photo, without_form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from classifier.model import Classification
    from classifier.protocols import WireProtocol
    from classifier.protocols.fields import Fields


@dataclass(frozen=True)
class Query:
    """One parsed request.

    Attributes:
        protocol: The protocol in which to answer.
        fields: The named parts of the request.
        places: Each image's place in the request, for messages.
        images: The contents of the image files.
        error: Why the request could not be read, be it malformed or a bug of ours; there are no
            images then.
    """

    protocol: WireProtocol
    fields: Fields
    places: tuple[str, ...] = ()
    images: tuple[bytes, ...] = ()
    error: Exception | None = None

    def answers(self, results: Sequence[Classification | Exception]) -> list[Classification]:
        """Return one result per image, if none is an error.

        Raises:
            RequestError: The request could not be read, or one of its images could not.
            Exception: The same, because of a bug.
        """
        if self.error:
            raise self.error
        answers = []
        for place, result in zip(self.places, results, strict=True):
            if isinstance(result, RequestError):
                raise result.at(place)
            if isinstance(result, Exception):
                raise result
            answers.append(result)
        return answers


def read_query(row: Mapping[str, Any], *, max_images: int, max_json_parts: int) -> Query:
    """Read one request; any problem with it becomes its `error`.

    Args:
        row: What TorchServe passes: the raw body under ``body``, or named form fields.
        max_images: How many images a request may contain.
        max_json_parts: How many members, elements and braces a JSON body may have.
    """
    protocol: WireProtocol = torchserve
    fields: Fields = row
    try:
        row = without_form(row)
        fields = read_fields(row, max_json_parts)
        protocol = recognise(fields)
        check_one_photo(row)
        places_and_images = protocol.read_images(fields)
        _check_number(len(places_and_images), max_images)
    except Exception as error:  # noqa: BLE001  even a bug must not affect the other requests
        return Query(protocol, fields, error=error)
    places, images = zip(*places_and_images, strict=True)
    return Query(protocol, fields, places, images)


def _check_number(found: int, limit: int) -> None:
    if found > limit:
        raise TooLarge(
            expected=f"at most {limit} images per request",
            found=f"{found}",
            remedy="spread them over several requests",
        )
