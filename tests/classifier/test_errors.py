"""Each error has its status, and its message says what was expected, found and to be done."""

from __future__ import annotations

import pytest

from classifier.errors import (
    ClassifierError,
    InvalidImage,
    InvalidRequest,
    ModelError,
    Overloaded,
    RequestError,
    TooLarge,
    UnsupportedFormat,
    http_status,
)

REQUEST_ERRORS = (InvalidImage, InvalidRequest, Overloaded, TooLarge, UnsupportedFormat)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest(expected="a", found="b", remedy="c"), 400),
        (InvalidImage(expected="a", found="b", remedy="c"), 400),
        (TooLarge(expected="a", found="b", remedy="c"), 413),
        (UnsupportedFormat(expected="a", found="b", remedy="c"), 415),
        (Overloaded(expected="a", found="b", remedy="c"), 503),
        (RequestError(expected="a", found="b", remedy="c"), 400),
        (ModelError("damaged"), 500),
        (ZeroDivisionError(), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    assert http_status(error) == status


@pytest.mark.parametrize("kind", REQUEST_ERRORS)
def test_a_message_says_what_was_expected_found_and_to_be_done(kind: type[RequestError]) -> None:
    error = kind(expected="one image", found="none", remedy="send one")
    assert str(error) == "expected one image; found none; send one"


@pytest.mark.parametrize("kind", REQUEST_ERRORS)
def test_an_error_can_be_told_its_place(kind: type[RequestError]) -> None:
    error = kind(expected="one image", found="none", remedy="send one").at("instances[1]")
    assert type(error) is kind
    assert str(error) == "instances[1]: expected one image; found none; send one"


def test_a_place_that_is_known_stays() -> None:
    error = TooLarge(expected="few", found="many", remedy="send few", where="all images together")
    assert error.at("instances[1]").where == "all images together"


def test_all_errors_have_one_base() -> None:
    assert all(issubclass(kind, ClassifierError) for kind in (*REQUEST_ERRORS, ModelError))
