"""The errors that a caller can receive, and the HTTP status of each.

ClassifierError
├── RequestError            the request is at fault
│   ├── InvalidRequest      400  the body has none of the accepted forms
│   ├── InvalidImage        400  not an image, truncated or empty
│   ├── NotExplained        422  a heat map was requested, but the network has no exact one
│   ├── TooLarge            413  too many bytes, pixels or images, or too much work
│   ├── UnsupportedFormat   415  an image, in a format that is not accepted
│   └── Overloaded          503  no time left for the request; sending it again may succeed
├── ModelError              500  the model's own files are at fault
└── InternalError           500  a bug; the server's log has the details
"""

from __future__ import annotations


class ClassifierError(Exception):
    """Base of all errors that this package raises on purpose."""


class RequestError(ClassifierError):
    """The request is at fault; the message tells its sender how to fix it.

    Args:
        expected: What would have been accepted.
        found: What was received instead.
        remedy: What to do about it, as an imperative.
        where: The place in a request with several images, such as ``instances[1]``.
    """

    def __init__(self, *, expected: str, found: str, remedy: str, where: str = "") -> None:
        self.expected, self.found, self.remedy, self.where = expected, found, remedy, where
        super().__init__(expected, found, remedy, where)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}expected {self.expected}; found {self.found}; {self.remedy}"

    def at(self, where: str) -> RequestError:
        """Return the error with its place in the request added, unless it has one already."""
        where = self.where or where
        return type(self)(expected=self.expected, found=self.found, remedy=self.remedy, where=where)


class InvalidRequest(RequestError):
    """The body has none of the accepted forms."""


class InvalidImage(RequestError):
    """The bytes are not an image, or only part of one."""


class TooLarge(RequestError):
    """More bytes, pixels, scans or images than one request may contain, or more work."""


class UnsupportedFormat(RequestError):
    """An image, but in a format that is not accepted."""


class Overloaded(RequestError):
    """The batch ran out of time for the request, possibly because of other requests."""


class NotExplained(RequestError):
    """A heat map was requested, but the network has no exact one."""


class ModelError(ClassifierError):
    """The model's files are missing, damaged or do not fit each other."""


class InternalError(ClassifierError):
    """What the caller sees of a bug: where to find the cause, but no internals.

    Args:
        request_id: The server's id of the request, also in the header `x-request-id`.
    """

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "the server failed on this request, through no fault of the request; "
            f"its log has the cause under request id {request_id}"
        )


def http_status(error: Exception) -> int:
    """Return the HTTP status code for `error`."""
    match error:
        case TooLarge():
            return 413
        case UnsupportedFormat():
            return 415
        case NotExplained():
            return 422
        case Overloaded():
            return 503
        case RequestError():
            return 400
        case _:
            return 500
