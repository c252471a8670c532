"""The keys of the front's clients: files in one folder, one file per client.

That is the form of a mounted Kubernetes Secret, and easy to manage by hand. To change a key without
a gap, keep two files, with the client's old and new key.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from server.gateway.errors import GatewayError
from storage.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

# RFC 6750's characters of a bearer token; none of them is a placeholder's brace.
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{20,200}=*")
_BYTES = 32
_OTHERS = 0o007
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def read_client_keys(folder: Path) -> dict[str, str]:
    """Return each client's key by its name.

    Raises:
        GatewayError: The folder cannot be read or is empty, or a key is invalid or open to others.
    """
    try:
        # Kubernetes mounts keys as links into a hidden folder beside them.
        paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        keys = {path.name: path.read_text(encoding="utf-8").strip() for path in paths}
        open_ = [path for path in paths if path.stat().st_mode & _OTHERS]
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(f"{folder}: cannot read the clients' keys: {error}") from error
    if not keys:
        raise GatewayError(
            f"{folder}: no client has a key; create one: `openssl rand -hex 32 > {folder}/me`"
        )
    if open_:
        raise GatewayError(f"{open_[0]}: others can read this key; `chmod o= {open_[0]}` closes it")
    for name, key in keys.items():
        if not _KEY.fullmatch(key) or not _NAME.fullmatch(name):
            raise GatewayError(
                f"{folder / name}: expected 20 to 200 letters, digits and -._~+/ in a file with a "
                "plain name; create one with `openssl rand -hex 32`"
            )
    return keys


def make_client_key(folder: Path, name: str) -> None:
    """Create a client's key, unless it is there: it stays the same from start to start."""
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(path, secrets.token_hex(_BYTES) + "\n", mode=0o600)


def pattern(key: str) -> str:
    """Return the expression of a client's header: the very key, after `Bearer` in any case."""
    return f"^(?i:bearer) +{re.escape(key)}$"
