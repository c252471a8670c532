"""TorchServe's ``key_file.json``: its format, and how to read it while the server rewrites it.

TorchServe writes it to its working directory: a key for inference and one for management, both with
an expiry time in UTC, and a third, the API key, that renews them. It is rewritten in place.

`client.api.tokens` decides when to renew a key. No key appears in a repr or error.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from client.errors import KeyFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TokenKind = Literal["inference", "management"]

KEY_FILE_NAME = "key_file.json"
# Beside it: the key of this machine's own client at the front, which stays from start to start.
OWN_KEY = ("clients", "local")
_ROOT = 0
# The server truncates the file before it writes: a reader can see it empty, on a busy machine for
# a good part of a second.
_READ_ATTEMPTS = 100
_READ_PAUSE_S = 0.02


@dataclass(frozen=True)
class Key:
    """One token and its expiry time."""

    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class KeyFile:
    """The contents of key_file.json."""

    inference: Key
    management: Key
    api: str = field(repr=False)

    def key(self, kind: TokenKind) -> Key:
        """Return the key of one kind."""
        return self.inference if kind == "inference" else self.management


def read_key_file(path: Path, pause: Callable[[float], None] = time.sleep) -> KeyFile:
    """Read key_file.json, waiting for a rewrite by the server to end.

    Raises:
        KeyFileError: It cannot be read, is open to others, or is not a key file.
    """
    _check_private(path)
    for attempt in range(_READ_ATTEMPTS):
        if attempt:
            pause(_READ_PAUSE_S)
        try:
            return _parse(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise KeyFileError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # without the cause, whose text may contain a key
    raise KeyFileError(f"{path} is no key file of TorchServe; was it edited?")


def read_own_key(path: Path) -> str | None:
    """Read the front's key for this machine, beside a key file; None where there is no front.

    Raises:
        KeyFileError: It cannot be read, or is open to others.
    """
    own = path.parent.joinpath(*OWN_KEY)
    if not own.exists():
        return None
    _check_private(own)
    return own.read_text(encoding="utf-8").strip()


def _check_private(path: Path) -> None:
    """Refuse keys that others on this machine can read or may have put there."""
    try:
        status = path.stat()
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error
    if mode := stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyFileError(
            f"{path} is open to others (mode {mode | 0o600:04o}): close it with "
            f"`chmod 600 {path}`, and restart the server, whose keys may be known"
        )
    user = os.geteuid()
    if user and status.st_uid not in {_ROOT, user}:
        raise KeyFileError(f"{path} belongs to somebody else (user {status.st_uid})")


def _parse(text: str) -> KeyFile:
    fields = json.loads(text)
    keys = {
        kind: Key(str(fields[kind]["key"]), _read_time(fields[kind]["expiration time"]))
        for kind in ("inference", "management")
    }
    return KeyFile(keys["inference"], keys["management"], str(fields["API"]["key"]))


def _read_time(text: str) -> datetime:
    """Read Java's Instant: ISO 8601 in UTC with up to nine decimals, of which six are kept."""
    time_read = datetime.fromisoformat(text)
    return time_read if time_read.tzinfo else time_read.replace(tzinfo=UTC)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other clients on this machine from renewing; the server itself does not lock."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise KeyFileError(f"cannot read {path}: {error.strerror}") from error
    # A file and no folder, and without `storage.locks`: the client works without that package.
    with file:  # closing it unlocks it
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
