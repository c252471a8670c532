"""The environments of other servers: pinned, apart, and without a second copy of PyTorch.

Each has its own packages in `.venv-bench/<name>`, from `requirements/bench/<name>.txt`. What it
lacks comes from this project's environment, whose folders follow its own on the search path: so all
servers run the very same OpenVINO, PyTorch, Pillow and NumPy. The pins were resolved under the
constraint of this project's own, so that hardly any package exists in two versions.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from bench.lab.commands import output_of
from bench.lab.errors import Unusable

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-bench"
NAMES = ("stock", "fastapi", "litserve", "bentoml", "ray", "mlserver")
_TIMEOUT_S = 600
# What the pins leave out: packages whose own requirements this project's environment meets.
_WITHOUT_DEPENDENCIES = {"stock"}


def python(name: str) -> Path:
    """Return the interpreter of an environment; installs it if its pins changed.

    Raises:
        Unusable: It cannot be installed.
    """
    requirements = ROOT / "requirements" / "bench" / f"{name}.txt"
    interpreter = FOLDER / name / "bin" / "python"
    stamp = FOLDER / name / "installed"
    pins = requirements.read_text(encoding="utf-8")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins:
        return interpreter
    _run(sys.executable, "-m", "venv", "--clear", str(FOLDER / name))
    _run(
        *(str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "-r", str(requirements)),
        *(["--no-deps"] if name in _WITHOUT_DEPENDENCIES else []),
    )
    (_site_packages(interpreter) / "marigold.pth").write_text(
        "".join(f"{path}\n" for path in (sysconfig.get_path("purelib"), ROOT, ROOT / "handler")),
        encoding="utf-8",
    )
    stamp.write_text(pins, encoding="utf-8")
    return interpreter


def version(name: str, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _run(str(python(name)), "-c", code).strip()


def _site_packages(interpreter: Path) -> Path:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(_run(str(interpreter), "-c", code).strip())


def _run(*command: str) -> str:
    return output_of(
        command, f"`{' '.join(command[:4])} ...` failed", Unusable, timeout_s=_TIMEOUT_S
    )
