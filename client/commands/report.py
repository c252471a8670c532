"""Formats results: aligned lines for people, one JSON value per line for programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from client.errors import ReplyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from client.api.models import ModelEntry, ModelStatus, WorkerStatus
    from client.api.predictions import Prediction
    from client.errors import ClientError

_LABEL_WIDTH = 12  # results arrive one by one; most class names are shorter
_MEBIBYTE = 2**20


def print_line(text: str) -> None:
    """Write a line to standard output and flush it, so that a log or a pipe shows it at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def prediction_line(file: str, prediction: Prediction, *, file_width: int, top: int) -> str:
    """Render ``file  label  98.1 %  next best 1.2 %``.

    Args:
        file: The photo, as named by the user.
        prediction: The model's answer.
        file_width: Characters of the longest path, for alignment.
        top: Classes to show, at least 1.
    """
    best, *others = prediction.scores[:top]
    line = f"{file:<{file_width}}  {best[0]:<{_LABEL_WIDTH}}  {_percent(best[1]):>7}"
    rest = ", ".join(f"{name} {_percent(value)}" for name, value in others)
    return f"{line}   {rest}" if rest else line


def prediction_json(file: str, result: Prediction | ClientError, *, top: int) -> str:
    """Render one photo's result, or its error, as a JSON object on one line."""
    fields: dict[str, Any] = {"file": file}
    if isinstance(result, Exception):
        fields["error"] = {"type": type(result).__name__, "message": str(result)}
        if isinstance(result, ReplyError):
            fields["error"] |= {"status": result.status, "message": result.message}
    else:
        fields |= {"label": result.label, "scores": result.scores[:top]}
    return json.dumps(fields, ensure_ascii=False)


def as_json(value: Any) -> str:
    """Render any answer of the server on one line."""
    return json.dumps(value, ensure_ascii=False)


def status_json(health: str, versions: Iterable[ModelStatus]) -> str:
    """Render the whole state as a JSON object on one line."""
    return json.dumps({"health": health, "versions": [asdict(version) for version in versions]})


def status_text(
    server: str, health: str, versions: Sequence[ModelStatus], default_version: str
) -> str:
    """Render the state of a model.

    Args:
        server: URL of the inference API.
        health: As the server reports it.
        versions: Every version of the model.
        default_version: The one that serves requests that name none.
    """
    blocks = [f"server   {server}  {health}"]
    for version in versions:
        mark = "  (default)" if version.version == default_version else ""
        blocks.append(f"model    {version.name} {version.version}{mark}  {version.archive}")
        blocks.append(
            f"queue    {version.queue_pending} waiting, room for {version.queue_capacity_left} more"
        )
        blocks.append(f"workers  {version.ready_workers} of {len(version.workers)} ready")
        blocks += _worker_table(version.workers)
    return "\n".join(blocks)


def models_text(entries: Sequence[ModelEntry]) -> str:
    """Render the list of models."""
    width = max((len(entry.name) for entry in entries), default=0)
    lines = (f"{entry.name:<{width}}  {entry.archive}" for entry in entries)
    return "\n".join(lines) or "no models"


def _worker_table(workers: Sequence[WorkerStatus]) -> list[str]:
    if not workers:
        return []
    rows = [("id", "pid", "state", "memory")]
    rows += [(w.id, str(w.pid), w.state.lower(), _memory(w.memory_bytes)) for w in workers]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "         "
        f"{id_:<{widths[0]}}  {pid:>{widths[1]}}  {state:<{widths[2]}}  {memory:>{widths[3]}}"
        for id_, pid, state, memory in rows
    ]


def _memory(size: int | None) -> str:
    return "unknown" if size is None else f"{size / _MEBIBYTE:.0f} MiB"


def _percent(probability: float) -> str:
    return f"{100 * probability:.1f} %"
