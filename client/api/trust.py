"""How to verify the certificate of an https server.

Tokens prove who we are; this proves who the server is.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from client.errors import LocalFileError

if TYPE_CHECKING:
    from pathlib import Path

_POOL_SIZE = 64  # kept connections; above any sensible `concurrency`, so that none is reopened


@dataclass(frozen=True)
class Trust:
    """Which certificates to trust; by default those of the authorities that `requests` knows.

    Attributes:
        ca_file: PEM file of the authorities to trust instead, or of a self-signed certificate.
        pinned: PEM file of the one certificate that the server must present, whatever name it
            contains. For a server on this machine, whose certificate is here but has other names.
    """

    ca_file: Path | None = None
    pinned: Path | None = None

    def adapter(self) -> HTTPAdapter:
        """Return a session that enforces this.

        Raises:
            LocalFileError: One of the files cannot be read, or contains no certificate.
        """
        if self.pinned:
            return _Pinned(_fingerprint(read_certificates(self.pinned)))
        if self.ca_file:
            read_certificates(self.ca_file)  # or `requests` would report it as a lost connection
        return HTTPAdapter(pool_maxsize=_POOL_SIZE)


class _Pinned(HTTPAdapter):
    """Connections to the server with one certain certificate."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__(pool_maxsize=_POOL_SIZE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Give urllib3 the fingerprint, which it compares before it sends anything."""
        super().init_poolmanager(*args, assert_fingerprint=self._fingerprint, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """Require no authority: the fingerprint is stricter."""
        conn.cert_reqs = "CERT_NONE"


def read_certificates(path: Path) -> str:
    """Return the PEM file after checking that it contains a certificate.

    Raises:
        LocalFileError: It cannot be read, or contains none.
    """
    try:
        text = path.read_text(encoding="ascii")
        ssl.PEM_cert_to_DER_cert(_first(text))
    except OSError as error:
        raise LocalFileError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalFileError(f"{path} contains no PEM certificate") from error
    return text


def _fingerprint(certificates: str) -> str:
    """Return the SHA-256 of the first certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(_first(certificates))).hexdigest()


def _first(certificates: str) -> str:
    end = certificates.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    return certificates[certificates.index(ssl.PEM_HEADER) : end]
