"""One URL names the server; the other APIs follow from it."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.api.addresses import Addresses, addresses_from, is_loopback, listens, place_of


@pytest.mark.parametrize(
    ("server", "management", "expected"),
    [
        (
            "http://127.0.0.1:8080/",
            None,
            ("http://127.0.0.1:8080", "http://127.0.0.1:8081", "http://127.0.0.1:8082"),
        ),
        (
            "http://[::1]:9000",
            None,
            ("http://[::1]:9000", "http://[::1]:9001", "http://[::1]:9002"),
        ),
        (
            "https://flowers.example",
            "http://10.0.0.7:7071",
            ("https://flowers.example", "http://10.0.0.7:7071", "http://10.0.0.7:7072"),
        ),
    ],
)
def test_addresses_follow_from_the_first(
    server: str, management: str | None, expected: tuple[str, str, str]
) -> None:
    assert addresses_from(server, management) == Addresses(*expected)


@given(st.integers(1, 65533))
def test_management_and_metrics_are_the_next_two_ports(port: int) -> None:
    addresses = addresses_from(f"http://127.0.0.1:{port}")

    assert addresses.management == f"http://127.0.0.1:{port + 1}"
    assert addresses.metrics == f"http://127.0.0.1:{port + 2}"


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://host", "http://", "http://me:secret@host", "http://h:99999"]
)
def test_what_is_no_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        addresses_from(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.8.8.8", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080", True),
        ("http://10.0.0.7:8080", False),
        ("http://localhost.example:8080", False),
    ],
)
def test_this_machine_is_known_by_its_name(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("https://flowers.example", ("flowers.example", 443)),
        ("http://flowers.example/behind/a/path", ("flowers.example", 80)),
        ("https://[::1]:9000", ("::1", 9000)),
    ],
)
def test_a_place_has_the_port_of_its_scheme_unless_it_names_one(
    url: str, place: tuple[str, int]
) -> None:
    assert place_of(url) == place


def test_who_listens_is_noticed_until_he_stops() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens("127.0.0.1", port)
    assert not listens("127.0.0.1", port)
    assert not listens("", 0)
