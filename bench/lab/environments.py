"""The environments of other servers: pinned, separate, and without a second copy of PyTorch.

Each has its own packages in `.venv-bench/<name>`, from `requirements/bench/<name>.txt`, installed
by the script that installs all environments. Everything else comes from this project's environment,
which follows on the import path: so all servers run the same OpenVINO, PyTorch, Pillow and NumPy.
The pins were resolved under the constraints of this project's own, so hardly any package exists in
two versions.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.lab.commands import output_of
from bench.lab.errors import Unusable

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".venv-bench"
NAMES = ("stock", "fastapi", "litserve", "bentoml", "ray", "mlserver")
_TIMEOUT_S = 600


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
    install = str(ROOT / "requirements" / "install.py")
    _run(sys.executable, install, f"bench/{name}", "--into", str(FOLDER / name), "--over")
    stamp.write_text(pins, encoding="utf-8")
    return interpreter


def version(name: str, package: str) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _run(str(python(name)), "-c", code).strip()


def _run(*command: str) -> str:
    return output_of(
        command, f"`{' '.join(command[:4])} ...` failed", Unusable, timeout_s=_TIMEOUT_S
    )
