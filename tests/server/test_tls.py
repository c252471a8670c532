"""Certificates: made here, kept, and checked where the operator gave them."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

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
    text = subprocess.run(
        ["openssl", "x509", "-in", made.certificate, "-noout", "-ext", "subjectAltName"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "IP Address:127.0.0.1, DNS:localhost" in text


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


def test_what_is_no_pair_for_torchserve_is_refused(made: KeyPair, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="are no certificate with its key"):
        check_given(KeyPair(made.certificate, tmp_path / "none.pem"))
    with pytest.raises(StartError, match="are no certificate with its key"):
        check_given(KeyPair(made.key, made.key))
    curve = KeyPair(tmp_path / "certificate.pem", tmp_path / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-noenc", "-subj", "/CN=x", "-keyout", curve.key, "-out", curve.certificate),
        ],
        capture_output=True,
        check=True,
    )
    with pytest.raises(StartError, match="RSA keys only"):
        check_given(curve)
