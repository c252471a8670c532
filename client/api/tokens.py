"""The keys that a server requires: where to find them, and how to keep them valid.

For inference that is the front's key, a file that stays as it is. TorchServe's own keys, for
management and for a server without a front, end: then they are renewed.

Renewing a key invalidates the old one at once, for every process that uses it; so the key file is
read for each request, and locked while a key is renewed. The reply to a renewal does not contain
the new key: without the file you cannot renew, only pass keys explicitly.

`client.api.key_file` parses the file, and `client.api.exchange` sends the tokens.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from client.api.exchange import Call, exchange, new_session
from client.api.key_file import KEY_FILE_NAME, locked, read_key_file, read_own_key
from client.errors import ClientError, KeyFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import requests

    from client.api.key_file import Key, TokenKind

# The server checks a token when the whole request has arrived, so this allows for a slow upload.
# With a larger value than the server's token_expiration_min, every request would renew the token.
_RENEW_BEFORE_END = timedelta(seconds=20)
_CONNECT_S, _READ_S = 3.0, 10.0


class TokenSource(Protocol):
    """What `client.api.transport` needs from a source of tokens."""

    def current(self, kind: TokenKind) -> str | None:
        """Return the token to send, or None to send none."""
        ...

    def replace(self, kind: TokenKind, rejected: str | None) -> str | None:
        """Return a token other than the rejected one, or None."""
        ...


class Tokens:
    """Keys passed explicitly, else those of a key file, renewed shortly before they expire.

    Args:
        key_file: The server's key_file.json, or None. It need not exist: a server without
            token authorization writes none.
        management_url: The management API, which renews keys.
        given: Keys by kind, which take precedence over the file and are never renewed.
        session: Connections for renewals.
        now: The time in UTC.
        pause: Waits the given seconds before a half-written file is read again.
    """

    def __init__(  # noqa: PLR0913
        self,
        key_file: Path | None,
        management_url: str,
        *,
        given: Mapping[TokenKind, str] | None = None,
        session: requests.Session | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key_file, self._management_url = key_file, management_url
        self._given = dict(given or {})
        self._session = session or new_session(management_url)
        self._now, self._pause = now, pause

    def current(self, kind: TokenKind) -> str | None:
        """Return the token to send, after renewing it if it is about to expire.

        Raises:
            KeyFileError: The key file cannot be read, or is not a key file.
            ClientError: The key has expired and the server did not renew it.
        """
        if lasting := self._lasting(kind):
            return lasting
        if self._key_file is None or not self._key_file.exists():
            return None
        try:
            key = read_key_file(self._key_file, self._pause).key(kind)
        except KeyFileError:
            if self._key_file.exists():
                raise
            return None  # a server that stops takes its keys along
        if not self._ends_soon(key):
            return key.value
        try:
            return self._renew(self._key_file, kind, lambda found: not self._ends_soon(found))
        except ClientError:
            if key.expires_at > self._now():
                return key.value  # still valid for a few seconds; the next request tries again
            raise

    def _lasting(self, kind: TokenKind) -> str | None:
        """Return a key that does not end: one that was passed, or the front's; None for none."""
        if kind in self._given:
            return self._given[kind]
        if kind == "inference" and self._key_file and self._key_file.exists():
            return read_own_key(self._key_file)
        return None

    def replace(self, kind: TokenKind, rejected: str | None) -> str | None:
        """Return a token other than the rejected one, or None if there is no way to get one.

        Usually another process has just renewed the key: then the file already has the new one,
        and renewing again would only invalidate it for that process.
        """
        if kind in self._given or self._key_file is None or not self._key_file.exists():
            return None
        if kind == "inference" and (own := read_own_key(self._key_file)):
            return own if own != rejected else None  # another start may have made it anew
        return self._renew(self._key_file, kind, lambda found: found.value != rejected)

    def _renew(self, path: Path, kind: TokenKind, good: Callable[[Key], bool]) -> str:
        """Renew the key, unless the one in the file turns out to be valid."""
        with locked(path):
            keys = read_key_file(path, self._pause)
            if good(keys.key(kind)):
                return keys.key(kind).value
            call = Call("GET", f"{self._management_url}/token", params={"type": kind})
            exchange(self._session, call, token=keys.api, connect_s=_CONNECT_S, read_s=_READ_S)
            return read_key_file(path, self._pause).key(kind).value

    def _ends_soon(self, key: Key) -> bool:
        return key.expires_at - self._now() <= _RENEW_BEFORE_END


def find_tokens(
    run_dir: Path | None, management_url: str, environ: Mapping[str, str] = os.environ
) -> Tokens:
    """Look for tokens in the environment, then in the server's working directory.

    Args:
        run_dir: The server's working directory; None for a remote server.
        management_url: The management API.
        environ: MARIGOLD_INFERENCE_KEY and MARIGOLD_MANAGEMENT_KEY take precedence over the file.
    """
    kinds: tuple[TokenKind, ...] = ("inference", "management")
    named = {kind: environ.get(f"MARIGOLD_{kind.upper()}_KEY", "").strip() for kind in kinds}
    return Tokens(
        run_dir / KEY_FILE_NAME if run_dir else None,
        management_url,
        given={kind: value for kind, value in named.items() if value},
    )
