"""``rollout.json`` in the server's working directory: what the last deployment replaced.

`client.operations.rollout` rolls back to it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from client.errors import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path

RECORD_NAME = "rollout.json"


@dataclass(frozen=True)
class Release:
    """One version of a model, with what it takes to register it.

    Attributes:
        version: The version in the archive's manifest.
        archive: Name of the file in the model store.
        sha256: SHA-256 of that file, hexadecimal; None if the store is not on this machine.
    """

    version: str
    archive: str
    sha256: str | None = None


def write_record(run_dir: Path, model: str, serving: Release, former: Release) -> None:
    """Record which release a model has now, and which one it had before.

    Raises:
        LocalFileError: It cannot be written.
    """
    records = _read(run_dir) | {model: {"serving": asdict(serving), "former": asdict(former)}}
    path = run_dir / RECORD_NAME
    try:
        # As `storage.files` does it; the client works without that package.
        temporary = path.with_suffix(".writing")
        temporary.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise LocalFileError(f"cannot write {path}: {error.strerror}") from error


def read_record(run_dir: Path, model: str) -> tuple[Release, Release] | None:
    """Return a model's current and previous release; None without a record."""
    try:
        record = _read(run_dir)[model]
        return Release(**record["serving"]), Release(**record["former"])
    except (KeyError, TypeError):
        return None


def _read(run_dir: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        records = json.loads((run_dir / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return records if isinstance(records, dict) else {}
