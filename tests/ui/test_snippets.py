"""The lines to copy: they name the server and the photo, and never a key."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from ui.settings import read_settings
from ui.snippets import curl_lines, python_lines

if TYPE_CHECKING:
    from client.connection import Connection

KEY = "secret-key"
NAME = "it's a rose; rm -rf.jpg"


@pytest.fixture(params=["here", "elsewhere"])
def connection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("MARIGOLD_INFERENCE_KEY", KEY)
    options = ["--port", "9000", "--run-dir", "run-9000"]
    if request.param == "elsewhere":
        options = ["--server", "https://models.example"]
    return read_settings(options).server


def test_no_key_is_shown(connection: Connection) -> None:
    assert connection.tokens.current("inference") == KEY
    assert KEY not in curl_lines(connection, [NAME]) + python_lines(connection, [NAME])


def test_the_shell_reads_the_name_as_it_is(connection: Connection) -> None:
    first = curl_lines(connection, [NAME]).splitlines()[0]
    words = shlex.split(first)
    assert words[words.index("-T") + 1] == NAME
    assert words[-1] == f"{connection.addresses.inference}/predictions/flowers"


def test_the_python_lines_are_python(connection: Connection) -> None:
    compile(python_lines(connection, [NAME]), "snippet", "exec")


def test_a_server_elsewhere_does_not_get_the_key_file_of_this_machine() -> None:
    assert read_settings(["--server", "https://models.example"]).server.run_dir is None


def test_each_server_gets_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARIGOLD_INFERENCE_KEY", KEY)
    monkeypatch.setenv("MARIGOLD_COMPARE_INFERENCE_KEY", "other")
    settings = read_settings(["--compare", "https://other.example"])
    assert settings.server.tokens.current("inference") == KEY
    assert settings.other is not None
    assert settings.other.tokens.current("inference") == "other"
    monkeypatch.delenv("MARIGOLD_COMPARE_INFERENCE_KEY")
    assert settings.other.tokens.current("inference") is None
