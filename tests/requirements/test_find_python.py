"""Which Python `make` uses, and the message if none is suitable."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIND = ROOT / "requirements" / "find-python"
NAMES = ("python3", "python3.11", "python3.12", "python3.13")
# This very Python, which says that it is another one.
STUB = """#!/bin/sh
exec {python} -I -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' "$2"
"""
SHIM = "#!/bin/sh\nexit 127\n"  # pyenv's, of a version that is not selected


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that comes first on the PATH; no Python runs there yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NAMES:
        put(folder / name, SHIM)
    return folder


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def python(path: Path, version: tuple[int, int, int]) -> Path:
    return put(path, STUB.format(python=sys.executable, version=version))


def find(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FIND, *arguments],
        env=os.environ | {"PATH": f"{path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def refusal(process: subprocess.CompletedProcess[str]) -> str:
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    return process.stderr.strip()


def test_a_shim_that_does_not_run_is_passed_over(path: Path) -> None:
    python(path / "python3.12", (3, 12, 1))
    process = find(path)
    assert (process.returncode, process.stderr) == (0, "")
    assert Path(process.stdout.strip()) == Path(sys.executable)


def test_what_is_selected_comes_first(path: Path) -> None:
    python(path / "python3", (3, 11, 4))
    put(path / "python3.13", "#!/bin/sh\necho asked >&2\nexit 127\n")
    process = find(path)
    assert (process.returncode, process.stderr) == (0, "")


def test_no_python_that_fits_is_told_in_one_line(path: Path) -> None:
    python(path / "python3", (3, 9, 18))
    assert refusal(find(path)) == (
        "error: no Python from 3.11 to 3.13 on the PATH (python3 is Python 3.9); install one, or "
        "name it: PYTHON=/path/to/python3.13"
    )


@pytest.mark.parametrize(
    ("version", "told"), [((3, 10, 1), "is Python 3.10"), ((3, 14, 0), "is Python 3.14")]
)
def test_a_named_python_that_does_not_fit_is_refused(
    path: Path, version: tuple[int, int, int], told: str
) -> None:
    named = python(path / "mine", version)
    python(path / "python3.12", (3, 12, 1))
    assert f"PYTHON={named}: {named} {told}; name one from 3.11" in refusal(find(path, str(named)))


def test_a_named_python_that_is_missing_or_does_not_run_is_refused(path: Path) -> None:
    assert "there is no nopython;" in refusal(find(path, "nopython"))
    assert "python3.13 does not run;" in refusal(find(path, "python3.13"))


def test_make_refuses_before_anything_is_installed(path: Path, tmp_path: Path) -> None:
    command = ["make", "-C", str(ROOT), "stop", f"VENV={tmp_path / 'venv'}"]
    process = subprocess.run(
        [*command, f"PYTHON={path / 'python3'}"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert process.stderr.startswith(f"error: PYTHON={path / 'python3'}: ")
    assert not (tmp_path / "venv").exists()


def test_an_environment_of_another_python_is_refused(path: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    venv.mkdir()
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.1\n", encoding="utf-8")
    same, other = python(path / "same", (3, 12, 7)), python(path / "other", (3, 13, 0))
    command = ["make", "-C", str(ROOT), "help", f"VENV={venv}"]
    process = subprocess.run(
        [*command, f"PYTHON={other}"], capture_output=True, text=True, check=False
    )
    assert process.returncode == 2
    assert f"{venv} was made with Python 3.12, PYTHON={other} is 3.13" in process.stderr
    subprocess.run([*command, f"PYTHON={same}"], capture_output=True, check=True)
