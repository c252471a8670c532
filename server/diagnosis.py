"""Why a server did not start: finds the one line of its logs that names the cause."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# The last line of a Python traceback.
_PYTHON_ERROR = re.compile(r"^((?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt)\b: .*)$")
_JAVA_ERROR = re.compile(r"((?:java|io|org)\.[\w.]*(?:Error|Exception)\b(?:: .*)?)")
# TorchServe hides a failing import behind a second attempt under this name.
_MISLEADING = "ts.torch_handler."
_WORKER_DIED = "Backend worker process died"


def worker_died(logs: Path) -> bool:
    """Whether a worker has died while loading the model."""
    return any(_WORKER_DIED in line for line in _messages(logs / "worker.log"))


def python_error(logs: Path) -> str | None:
    """Return the last line of a worker's traceback; None while its log has none."""
    for line in reversed(_messages(logs / "worker.log")):
        if (match := _PYTHON_ERROR.match(line)) and _MISLEADING not in line:
            return match[1]
    return None


def cause(logs: Path) -> str:
    """Return the most telling line of the logs of a server that did not start."""
    if error := python_error(logs):
        return error
    for name in ("server.log", "console.log"):
        if match := _JAVA_ERROR.search("\n".join(_messages(logs / name))):
            return match[1]
    lines = _read(logs / "console.log").strip().splitlines()
    return lines[-1] if lines else "its logs are empty"


def tail(logs: Path, lines: int) -> str:
    """Return the last lines of each non-empty log file."""
    parts = []
    for path in sorted(logs.glob("*.log")):
        if text := _read(path):
            last = "\n".join(text.splitlines()[-lines:])
            parts.append(f"==> {path} <==\n{last}\n")
    return "\n".join(parts)


def _messages(path: Path) -> list[str]:
    """Return the text of a log's lines: messages and errors from JSON, other lines as they are."""
    messages = []
    for line in _read(path).splitlines():
        try:
            entry = json.loads(line)
            messages += [str(entry["message"]), *str(entry.get("error", "")).splitlines()]
        except (ValueError, KeyError, TypeError):  # not ours, such as the JVM's own output
            messages.append(line)
    return messages


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
