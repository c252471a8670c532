"""``server.json``: where the server of a run folder is, recorded when it was started.

To find out whether it still runs there, send it a request.
"""

from __future__ import annotations

import json
from pathlib import Path

from client.api.addresses import Addresses
from client.api.trust import Trust

RECORD_NAME = "server.json"


def read_run_record(run_dir: Path, port: int | None = None) -> tuple[Addresses, Trust] | None:
    """Return the server's addresses, and how to verify its certificate.

    Args:
        run_dir: The server's working directory.
        port: The expected inference port; None for any.

    Returns:
        None if there is no record, or it is of a server on another port.
    """
    try:
        record = json.loads((run_dir / RECORD_NAME).read_text(encoding="utf-8"))
        addresses = Addresses(**record["addresses"])
        certificate = record["certificate"]
        if port is not None and record["port"] != port:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return addresses, Trust(pinned=run_dir / certificate if certificate else None)


def read_archives_folder(run_dir: Path) -> Path | None:
    """Return the folder that the server's first archive was copied from; None if not on record."""
    try:
        record = json.loads((run_dir / RECORD_NAME).read_text(encoding="utf-8"))
        return Path(record["archives"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
