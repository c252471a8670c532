"""Clients' keys: which are accepted, and how they are compared."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

import pytest

from server.gateway.errors import GatewayError
from server.gateway.keys import make_client_key, pattern, read_client_keys

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 32


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o640)


def test_a_file_is_a_client(tmp_path: Path) -> None:
    write(tmp_path / "shop", KEY + "\n")
    write(tmp_path / "..data", "Kubernetes' own link")
    assert read_client_keys(tmp_path) == {"shop": KEY}


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("Bearer Ab-._~+/9==" + KEY, True),
        ("bearer Ab-._~+/9==" + KEY, True),
        ("BEARER  Ab-._~+/9==" + KEY, True),
        ("Bearer aB-._~+/9==" + KEY, False),
        ("Bearer Ab-x_~+/9==" + KEY, False),
        ("Bearer Ab-._~+/9==" + KEY + "k", False),
        ("x Bearer Ab-._~+/9==" + KEY, False),
        ("Bearer", False),
    ],
)
def test_a_key_is_compared_exactly_and_the_word_before_it_is_not(header: str, passes: bool) -> None:
    expression = pattern("Ab-._~+/9==" + KEY)
    assert bool(re.search(expression, header)) == passes


@pytest.mark.parametrize("key", ["short", KEY + '"; evil', KEY + "\nmore", "", "{env.HOME}" * 8])
def test_a_key_that_could_be_misread_is_refused(tmp_path: Path, key: str) -> None:
    write(tmp_path / "shop", key)
    with pytest.raises(GatewayError, match="openssl rand -hex 32") as raised:
        read_client_keys(tmp_path)
    assert key not in str(raised.value) or not key


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "shop", KEY)
    (tmp_path / "shop").chmod(0o644)
    with pytest.raises(GatewayError, match="others can read this key; `chmod o= ") as raised:
        read_client_keys(tmp_path)
    assert KEY not in str(raised.value)


def test_a_folder_without_keys_lets_nobody_in(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no client has a key"):
        read_client_keys(tmp_path)
    with pytest.raises(GatewayError, match="cannot read"):
        read_client_keys(tmp_path / "none")


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "clients"
    make_client_key(folder, "local")
    before = read_client_keys(folder)
    make_client_key(folder, "local")
    assert read_client_keys(folder) == before
    assert stat.S_IMODE((folder / "local").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
