"""With TORCH_INDEX, PyTorch comes from that index alone, and all else from the usual ones."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from requirements import install
from tests.client.fakes import serving
from tests.e2e.served import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIST = """\
cuda-toolkit==1.0 \\
    --hash=sha256:{none}
torch==2.0 \\
    --hash=sha256:{none}
torchvision==0.15 ; sys_platform == 'linux' \\
    --hash=sha256:{none}
useful==1.0 \\
    --hash=sha256:{useful}
"""


@contextmanager
def index(folder: Path, **versions: str) -> Iterator[str]:
    """Serve empty packages of these names and versions as an index does; gives its address."""
    for name, version in versions.items():
        wheel(folder / name, name, version)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url


def wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(parents=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            file.writestr(path, text)


@pytest.mark.parametrize("strategy", ["first-index", "unsafe-best-match"])
@pytest.mark.parametrize("build", ["", "+cpu"])
def test_pytorch_comes_from_its_own_index_whatever_others_have(
    build: str,
    strategy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = tmp_path / "environment"
    with (
        index(tmp_path / "usual", useful="1.0") as usual,
        # As a mirror of everything has it: the build with CUDA.
        index(tmp_path / "extra", torch="2.0+cu99", torchvision="0.15+cu99") as extra,
        index(tmp_path / "cpu", torch=f"2.0{build}", torchvision=f"0.15{build}") as cpu,
    ):
        (useful,) = (tmp_path / "usual/useful").iterdir()
        digest = hashlib.sha256(useful.read_bytes()).hexdigest()
        text = LIST.format(none="0" * 64, useful=digest)
        (tmp_path / "full.txt").write_text(text, encoding="utf-8")
        for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
            monkeypatch.delenv(name)
        for name, value in {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": usual,
            "PIP_EXTRA_INDEX_URL": extra,
            "PIP_FIND_LINKS": f"{extra}/torch/",
            "UV_INDEX_STRATEGY": strategy,
            "UV_CACHE_DIR": str(tmp_path / "cache"),
            "TORCH_INDEX": cpu,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(install, "LISTS", tmp_path)
        monkeypatch.setattr(sys, "argv", ["install.py", "full", "--into", str(environment)])
        assert install.main() == 0
    found = {path.name.removesuffix(".dist-info") for path in environment.rglob("*.dist-info")}
    assert found == {f"torch-2.0{build}", f"torchvision-0.15{build}", "useful-1.0"}
    assert f"PyTorch from {cpu}" in capsys.readouterr().err


def test_the_option_is_handed_on_by_make() -> None:
    address = "http://127.0.0.1:9/whl/cpu?a=1&b='2'"
    process = subprocess.run(
        [
            "make",
            "--dry-run",
            "-W",
            "requirements/full.txt",
            ".venv/installed-full",
            f"TORCH_INDEX={address}",
            "PY=printenv TORCH_INDEX #",
        ],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in process.stdout.splitlines() if line.endswith("full"))
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert said.stdout == f"{address}\n"
