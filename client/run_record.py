"""``server.json``: where the server of a run folder is, recorded when it was started.

To find out whether it still runs there, send it a request.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from client.api.addresses import Addresses
from client.api.trust import Trust

RECORD_NAME = "server.json"


def read_run_record(run_dir: Path) -> tuple[Addresses, Trust] | None:
    """Return the server's addresses, and how to verify its certificate; None without a record.

    Args:
        run_dir: The server's working directory.
    """
    record = _read(run_dir)
    try:
        addresses = Addresses(**record["addresses"])
        certificate = record["certificate"]
    except (KeyError, TypeError):
        return None
    return addresses, Trust(pinned=run_dir / certificate if certificate else None)


def recorded_port(run_dir: Path) -> int | None:
    """Return the inference port of the server of a run folder; None if it is not on record."""
    try:
        return int(_read(run_dir)["port"])
    except (ValueError, KeyError, TypeError):
        return None


def contradiction(run_dir: Path, port: int | None) -> str | None:
    """Say how a port contradicts the record of a run folder, and the remedy; None if it does not.

    Args:
        run_dir: The server's working directory, by which the server is known.
        port: The inference port that was asked for; None for whichever it has.
    """
    recorded = recorded_port(run_dir)
    if recorded is None or port in {None, recorded}:
        return None
    return (
        f"RUN_DIR={run_dir} is the server on port {recorded}, not {port}; leave PORT out, or name "
        "the other server's RUN_DIR"
    )


def read_archives_folder(run_dir: Path) -> Path | None:
    """Return the folder that the server's first archive was copied from; None if not on record."""
    try:
        return Path(_read(run_dir)["archives"])
    except (KeyError, TypeError):
        return None


def _read(run_dir: Path) -> dict[str, Any]:
    """Return the record of a run folder; an empty one if there is none, or it is damaged."""
    try:
        record = json.loads((run_dir / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
