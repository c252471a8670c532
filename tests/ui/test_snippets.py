"""The lines to copy: they name the server and the photo, and never a key."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client.api.key_file import OWN_KEY
from tests.ui.fake_server import FakeModel
from ui.settings import read_settings
from ui.snippets import client_lines, curl_lines, requests_lines

if TYPE_CHECKING:
    from client.connection import Connection

KEY = "secret-key"
NAME = "it's a rose; rm -rf.jpg"
PHOTO = Path("/tmp/gradio") / NAME  # noqa: S108 - where the page keeps it


@pytest.fixture(params=["here", "elsewhere"])
def connection(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setenv("MARIGOLD_INFERENCE_KEY", KEY)
    options = ["--port", "9000", "--run-dir", "run-9000"]
    if request.param == "elsewhere":
        options = ["--server", "https://models.example"]
    return read_settings(options).server


def test_no_key_is_shown(connection: Connection) -> None:
    assert connection.tokens.current("inference") == KEY
    for lines in (curl_lines, requests_lines, client_lines):
        assert KEY not in lines(connection, [PHOTO])


def test_the_shell_reads_the_path_as_it_is(connection: Connection) -> None:
    classify = curl_lines(connection, [PHOTO]).splitlines()[1]
    words = shlex.split(classify)
    assert words[words.index("-T") + 1] == str(PHOTO)
    assert words[-1] == f"{connection.addresses.inference}/predictions/flowers"


def test_the_python_lines_are_python(connection: Connection) -> None:
    for lines in (requests_lines, client_lines):
        compile(lines(connection, [PHOTO]), "snippet", "exec")


def run(command: list[str], folder: Path) -> str:
    """Run a snippet as it stands, in a folder of its own; only `make` and the key are stood in."""
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": ""}
    process = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_snippets_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MARIGOLD_INFERENCE_KEY", "MARIGOLD_MANAGEMENT_KEY"):
        monkeypatch.delenv(name, raising=False)
    photo, run_dir = tmp_path / NAME, tmp_path / "my run"
    photo.write_bytes(b"\x89PNG and more")
    own = run_dir.joinpath(*OWN_KEY)
    own.parent.mkdir(parents=True)
    own.touch(mode=0o600)
    own.write_text(f"{KEY}\n", encoding="utf-8")
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\necho {KEY}\n", encoding="utf-8")
    make.chmod(0o755)
    model = FakeModel()
    best = next(iter(model.scores_of(photo.read_bytes())))
    with model.serving() as port:
        arguments = ["--port", str(port), "--run-dir", str(run_dir)]
        connection = read_settings(arguments).server
        shell = curl_lines(connection, [photo]).splitlines()[:2]  # the third draws a map
        assert best in run(["sh", "-c", "\n".join(shell)], tmp_path)
        said = run([sys.executable, "-c", requests_lines(connection, [photo])], tmp_path)
        assert f"{photo} 200 {{'{best}'" in said


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
