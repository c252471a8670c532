"""The code in docs/api.md runs as it stands, and docs/troubleshooting.md quotes what is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, blocks
from tests.ui.fake_server import NOT_AN_IMAGE, FakeModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API, TROUBLES = ROOT / "docs/api.md", ROOT / "docs/troubleshooting.md"
PHOTO = b"\x89PNG and more"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with what the examples name: keys and photos."""
    until = {"expiration time": "2999-01-01T00:00:00.123456789Z"}
    keys = {kind: {"key": "a-key"} | until for kind in ("inference", "management")}
    keys["API"] = {"key": "a-key"}
    (tmp_path / "run/clients").mkdir(parents=True)
    (tmp_path / "run/clients/local").touch(mode=0o600)
    (tmp_path / "run/clients/local").write_text("a-key\n", encoding="utf-8")
    (tmp_path / "run/key_file.json").touch(mode=0o600)
    (tmp_path / "run/key_file.json").write_text(json.dumps(keys), encoding="utf-8")
    for name in ("photo.jpg", "photos/roses/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(PHOTO)
    return tmp_path


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that answers as ours does."""
    with FakeModel().serving() as port:
        yield port


def run(command: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "MARIGOLD" not in name}
    return subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, check=False
    )


def python_block(number: int, port: int) -> str:
    block = blocks(API, "python")[number]
    return block.replace(":8080", f":{port}").replace(":8081", f":{port + 1}")


def test_plain_requests(home: Path, port: int) -> None:
    block = python_block(0, port)
    assert "import client" not in block
    assert "from client" not in block
    best, share = next(iter(FakeModel().scores_of(PHOTO).items()))
    process = run([sys.executable, "-c", block], home)
    assert (process.returncode, process.stdout) == (0, f"{best} {share:.1%}\n"), process.stderr
    (home / "photo.jpg").write_bytes(b"text")
    process = run([sys.executable, "-c", block], home)
    assert (process.returncode, process.stderr) == (1, f"415: {NOT_AN_IMAGE}\n")


def test_our_client(home: Path, port: int) -> None:
    process = run([sys.executable, "-c", python_block(1, port)], home)
    assert process.returncode == 0, process.stderr
    best = next(iter(FakeModel().scores_of(PHOTO)))
    assert process.stdout.startswith(f"{best}\nphotos/roses/1.jpg Prediction(")


@pytest.mark.skipif(not shutil.which("node"), reason="no node here: apt-get install nodejs")
def test_javascript(home: Path, port: int) -> None:
    (block,) = blocks(API, "javascript")
    url = f"http://127.0.0.1:{port}/predictions/flowers"
    ask = (
        'const photo = require("fs").readFileSync("photo.jpg");'
        f"classify(photo, {json.dumps(url)}, 'a-key').then((a) => console.log(Object.keys(a)[0]));"
    )
    process = run(["node", "-e", block + ask], home)
    assert process.stdout.strip() == next(iter(FakeModel().scores_of(PHOTO))), process.stderr


@pytest.mark.parametrize(
    ("quoted", "said_in"),
    [
        ("expected a key that the front knows", "server/gateway/routes.py"),
        ("Token Authorization failed. Token either incorrect", "tests/client/replies.py"),
        ("nothing answers at", "client/api/exchange.py"),
        ("no prediction within", "server/start.py"),
        ("has no worker to serve inference request", "tests/client/replies.py"),
        ("Worker died.", "tests/client/replies.py"),
        ("on the PATH", "requirements/find-python"),
        ("no Java", "server/java.py"),
        ("is not trusted", "client/api/exchange.py"),
        ("TorchServe needs", "server/java.py"),
        ("Overloaded", "handler/classifier/errors.py"),
    ],
)
def test_the_messages_are_those_that_are_said(quoted: str, said_in: str) -> None:
    assert quoted in TROUBLES.read_text(encoding="utf-8")
    assert quoted in (ROOT / said_in).read_text(encoding="utf-8")
