"""The certificate of a production server: the operator's, or one created here.

The front takes it in PEM form, its key without a passphrase; it speaks TLS 1.2 and 1.3.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.errors import StartError
from storage.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VALID = timedelta(days=397)  # the longest that browsers accept
_RENEW = timedelta(days=30)  # before its end, a certificate that was made here is made anew


@dataclass(frozen=True)
class KeyPair:
    """PEM files of a certificate, with its chain, and of its private key."""

    certificate: Path
    key: Path


def check_given(pair: KeyPair) -> None:
    """Check the operator's certificate and key.

    Its group may read the key, as Debian's ssl-cert and Kubernetes have it; others may not.

    Raises:
        StartError: They cannot be read, or do not belong together.
    """
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            pair.certificate,
            pair.key,
            password="",  # or it would prompt on the terminal
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise StartError(
            f"TLS_CERT={pair.certificate} and TLS_KEY={pair.key} are not a certificate and its "
            f"key, both in PEM form without a passphrase: {error}"
        ) from error
    if pair.key.stat().st_mode & 0o007:
        raise StartError(f"{pair.key}: others can read this key; `chmod o= {pair.key}` closes it")


def make_certificate(folder: Path, hosts: Sequence[str]) -> KeyPair:
    """Create a self-signed certificate, unless the folder has a suitable one.

    Clients have copies of `certificate.pem`, so it stays the same from start to start.

    Args:
        folder: Where it is kept; only its owner can read the key in it.
        hosts: The server's names and addresses.

    Raises:
        StartError: A host is no name that a certificate can hold.
    """
    pair = KeyPair(folder / "certificate.pem", folder / "key.pem")
    names = _names(hosts)
    if _is_good(pair, names):
        return pair
    key = ec.generate_private_key(ec.SECP256R1())  # a handshake costs a tenth of RSA's
    folder.mkdir(mode=0o700, exist_ok=True)
    write_text(
        pair.key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        mode=0o600,
    )
    text = _self_signed(key, names).public_bytes(serialization.Encoding.PEM).decode()
    write_text(pair.certificate, text)
    return pair


def _self_signed(
    key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "marigold")])
    public, now = key.public_key(), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _VALID)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _is_good(pair: KeyPair, names: x509.SubjectAlternativeName) -> bool:
    """Whether a pair that was made here is for these names, whole, and not about to end."""
    try:
        check_given(pair)
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        made_for = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (StartError, OSError, ValueError, x509.ExtensionNotFound):
        return False
    return made_for.value == names and certificate.not_valid_after_utc > datetime.now(UTC) + _RENEW


def _names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    try:
        return x509.SubjectAlternativeName([_name(host) for host in hosts])
    except ValueError as error:
        raise StartError(f"no certificate can be made for {', '.join(hosts)}: {error}") from error


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
