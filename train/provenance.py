"""Records which code and libraries produced a model."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_CODE = ("train", "handler/classifier")  # what decides the weights
_LIBRARIES = ("torch", "torchvision", "numpy", "pillow", "scikit-learn", "safetensors")


def git_revision(*paths: str) -> str:
    """Return the checkout's revision, with "-dirty" if its files differ; "" outside git.

    Args:
        paths: The files to compare; by default the code that decides the weights.
    """
    revision = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain", "--", *(paths or _CODE))
    return f"{revision}-dirty" if revision and changes else revision


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide the weights."""
    libraries = {name: version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git the user has
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.strip()
