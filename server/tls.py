"""The certificate of a production server: the operator's, or one that is made here.

TorchServe takes RSA keys only, in PEM form and without a passphrase, and speaks TLS 1.2.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DAYS = 397  # the longest that browsers accept
_RENEW_S = 30 * 24 * 3600  # a certificate that was made here is made anew this long before its end


@dataclass(frozen=True)
class KeyPair:
    """PEM files of a certificate, with its chain, and of its private key."""

    certificate: Path
    key: Path


def check_given(pair: KeyPair) -> None:
    """Check a certificate and key that the operator gave.

    Raises:
        StartError: They cannot be read, do not belong together, or are not for TorchServe.
    """
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            pair.certificate,
            pair.key,
            password="",  # or it would ask at the terminal
        )
    except OSError as error:  # ssl.SSLError is one
        raise StartError(
            f"TLS_CERT={pair.certificate} and TLS_KEY={pair.key} are no certificate with its "
            f"key, both in PEM form and without a passphrase: {error}"
        ) from error
    text = _openssl("pkey", "-in", str(pair.key), "-noout", "-text")
    if "modulus:" not in text:
        raise StartError(f"{pair.key}: TorchServe takes RSA keys only, this is another kind")


def make_certificate(folder: Path, hosts: Sequence[str]) -> KeyPair:
    """Make a self-signed certificate, unless the folder holds one that will do.

    Clients are given `certificate.pem`, so it stays the same from start to start.

    Args:
        folder: Where it is kept; the key in it is its owner's alone.
        hosts: Names and addresses by which the server is reached.

    Raises:
        StartError: There is no `openssl`, or it fails.
    """
    pair = KeyPair(folder / "certificate.pem", folder / "key.pem")
    names = ",".join(("IP:" if _is_address(host) else "DNS:") + host for host in hosts)
    made_for = folder / "names"
    if made_for.is_file() and made_for.read_text(encoding="utf-8") == names and _is_good(pair):
        return pair
    folder.mkdir(mode=0o700, exist_ok=True)
    _openssl(
        *("req", "-x509", "-newkey", "rsa:3072", "-noenc", "-sha256", "-days", str(_DAYS)),
        *("-subj", "/CN=marigold", "-addext", f"subjectAltName={names}"),
        *("-keyout", str(pair.key), "-out", str(pair.certificate)),
    )
    pair.key.chmod(0o600)
    made_for.write_text(names, encoding="utf-8")
    return pair


def _is_good(pair: KeyPair) -> bool:
    try:
        check_given(pair)
        _openssl("x509", "-in", str(pair.certificate), "-noout", "-checkend", str(_RENEW_S))
    except StartError:
        return False
    return True


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _openssl(*arguments: str) -> str:
    program = shutil.which("openssl")
    if program is None:
        raise StartError("TLS takes the program openssl; install it, e.g. apt-get install openssl")
    process = subprocess.run(  # noqa: S603  our own arguments
        [program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
        env={"PATH": os.environ.get("PATH", os.defpath)},
    )
    if process.returncode != 0:
        raise StartError(f"openssl {arguments[0]} fails: {process.stderr.strip() or 'no reason'}")
    return process.stdout
