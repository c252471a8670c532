"""What config/log4j2.xml omits from a line; tests/e2e/test_lifecycle.py checks the real logs."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from server.start import CONFIG


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        ('"GET /predictions/m?token=SECRET HTTP/1.1" 400', '"GET /predictions/m?... HTTP/1.1" 400'),
        ("GET /a?SECRET", "GET /a?..."),
        ("PUT /models/m?min_worker=2&key=SECRET&x", "PUT /models/m?min_worker=2&...&..."),
        ("GET /token?type=inference", "GET /token?type=inference"),
        ("GET /models/m?customized=true", "GET /models/m?customized=true"),
        ("at Main.run(Main.java:2) [frontend.jar:?]", "at Main.run(Main.java:2) [frontend.jar:?]"),
    ],
)
def test_no_parameter_that_torchserve_does_not_have_is_logged(line: str, logged: str) -> None:
    properties = ET.parse(CONFIG / "log4j2.xml").iter("Property")  # noqa: S314  our own file
    unknown = {entry.get("name"): entry.text or "" for entry in properties}["unknown"]
    assert re.sub(unknown, r"\1...", line) == logged
