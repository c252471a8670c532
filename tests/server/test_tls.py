"""Certificates: generated, kept, and checked if the operator provides them."""

from __future__ import annotations

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.errors import StartError
from server.tls import KeyPair, check_given, make_certificate

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = ("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    """A certificate that was made here."""
    return make_certificate(tmp_path_factory.mktemp("made") / "tls", HOSTS)


def test_the_key_is_its_owners_alone(made: KeyPair) -> None:
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700


def test_it_names_every_host(made: KeyPair) -> None:
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_a_name_that_is_none_ends_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="no certificate can be made for blümchen"):
        make_certificate(tmp_path / "tls", ["blümchen.example"])


def test_one_that_is_about_to_end_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("server.tls._VALID", timedelta(days=29))
        before = make_certificate(tmp_path / "tls", HOSTS).certificate.read_bytes()
    assert make_certificate(tmp_path / "tls", HOSTS).certificate.read_bytes() != before


def test_the_program_openssl_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    check_given(make_certificate(tmp_path / "tls", HOSTS))


def test_it_stays_the_same_from_start_to_start_for_the_same_names(
    made: KeyPair, tmp_path: Path
) -> None:
    before = made.certificate.read_bytes()
    assert make_certificate(made.certificate.parent, HOSTS) == made
    assert made.certificate.read_bytes() == before
    folder = tmp_path / "tls"
    folder.mkdir()
    for path in made.certificate.parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    make_certificate(folder, (*HOSTS, "flowers.example.org"))
    assert (folder / "certificate.pem").read_bytes() != before


def test_a_given_pair_passes(made: KeyPair) -> None:
    check_given(made)


def test_a_given_key_that_others_can_read_is_refused(made: KeyPair, tmp_path: Path) -> None:
    open_key = tmp_path / "key.pem"
    open_key.write_bytes(made.key.read_bytes())
    open_key.chmod(0o644)
    with pytest.raises(StartError, match="others can read this key; `chmod o= "):
        check_given(KeyPair(made.certificate, open_key))
    open_key.chmod(0o640)
    check_given(KeyPair(made.certificate, open_key))


def test_what_is_no_pair_is_refused(made: KeyPair, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="are not a certificate and its key"):
        check_given(KeyPair(made.certificate, tmp_path / "none.pem"))
    with pytest.raises(StartError, match="are not a certificate and its key"):
        check_given(KeyPair(made.key, made.key))


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
)
def test_keys_of_any_kind_are_taken(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    pair = KeyPair(tmp_path / "certificate.pem", tmp_path / "key.pem")
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.key.chmod(0o600)
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    check_given(pair)
