"""Keys in the form that nginx includes: TorchServe's own, and those of the clients.

Clients' keys are files in one folder, one file per client: the form of a mounted Kubernetes Secret,
and easy to manage by hand. To change a key without a gap, keep two files, with the client's old and
new key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from server.gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# RFC 6750's characters of a bearer token; none of them means anything to nginx.
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{20,200}=*")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def read_client_keys(folder: Path) -> dict[str, str]:
    """Return each client's key by its name.

    Raises:
        GatewayError: The folder cannot be read or is empty, or a key is invalid.
    """
    try:
        # Kubernetes mounts keys as links into a hidden folder beside them.
        paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
        keys = {path.name: path.read_text(encoding="utf-8").strip() for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise GatewayError(f"{folder}: cannot read the clients' keys: {error}") from error
    if not keys:
        raise GatewayError(
            f"{folder}: no client has a key; create one: `openssl rand -hex 32 > {folder}/me`"
        )
    for name, key in keys.items():
        if not _KEY.fullmatch(key) or not _NAME.fullmatch(name):
            raise GatewayError(
                f"{folder / name}: expected 20 to 200 letters, digits and -._~+/ in a file with a "
                "plain name; create one with `openssl rand -hex 32`"
            )
    return keys


def clients_conf(keys: Mapping[str, str]) -> str:
    """Write the lines of nginx's map from header to client.

    As expressions: nginx compares plain values without regard to case, which keys have, and of the
    header only the word `Bearer` has none (RFC 9110).
    """
    return "".join(
        f'"~^[Bb][Ee][Aa][Rr][Ee][Rr] +{re.escape(key)}$" "{name}";\n' for name, key in keys.items()
    )


def server_conf(key: str) -> str:
    """Write the line that puts TorchServe's key into a request.

    Raises:
        GatewayError: It is not a key.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", key):
        raise GatewayError("the server's key contains characters that no key may contain")
    return f'proxy_set_header Authorization "Bearer {key}";\n'
