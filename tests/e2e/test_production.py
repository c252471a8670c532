"""`make serve PROFILE=production`, as an operator starts it: TLS, and nothing written elsewhere."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from bench.lab.processes import at_work_in
from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.grpc_inference import GrpcInferenceClient
from client.api.grpc_management import GrpcManagementClient
from client.api.inference import InferenceClient
from client.api.trust import Trust
from client.errors import CertificateRefused, ServerUnreachable
from server.ports import HOST
from tests.e2e.served import ROOT, Served, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])


@pytest.fixture(scope="module")
def production(
    archived: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, str]]:
    """A production server with the tests' archive, and what `make serve` printed."""
    home = tmp_path_factory.mktemp("production")
    root = ("ALLOW_ROOT=1",) if os.geteuid() == 0 else ()  # as in containers that run the tests
    server = archived.beside(home, "PROFILE=production", *root)
    try:
        yield server, server.make("serve")
    finally:
        server.make("stop")


def https_url(server: Served) -> str:
    return f"https://{HOST}:{server.port}"


def test_the_printed_line_works(production: tuple[Served, str], tmp_path: Path) -> None:
    server, printed = production
    assert f"inference   {https_url(server)}/predictions/flowers" in printed
    (tmp_path / "picture.png").write_bytes(PICTURE)
    line = printed.splitlines()[-1].replace("docs/sunflower.png", str(tmp_path / "picture.png"))
    line = line.replace("make -s token", f"make -s token PORT={server.port}")
    reply = subprocess.run(
        ["bash", "-c", line + " --silent --fail"],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert reply.stdout.startswith("{"), shlex.quote(line)


def test_the_makefiles_commands_find_their_way(
    production: tuple[Served, str], tmp_path: Path
) -> None:
    server, _ = production
    (tmp_path / "picture.png").write_bytes(PICTURE)
    assert "picture.png" in server.make("predict", f"IMAGE={tmp_path / 'picture.png'}")
    assert "1 of 1 ready" in server.make("status")


def test_clients_elsewhere_take_the_certificate_as_their_authority(
    production: tuple[Served, str],
) -> None:
    server, _ = production
    certificate = server.run_dir / "tls" / "certificate.pem"
    for trust in (Trust(ca_file=certificate), Trust(pinned=certificate)):
        client = InferenceClient(https_url(server), tokens=server.tokens, trust=trust)
        assert client.predict(PICTURE).scores


@pytest.fixture
def other_certificate(tmp_path: Path) -> Path:
    """A certificate that is not the server's."""
    path = tmp_path / "other.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=stranger"),
            *("-keyout", tmp_path / "other.key", "-out", path),
        ],
        capture_output=True,
        check=True,
    )
    return path


def test_a_server_that_cannot_show_who_it_is_gets_no_token(
    production: tuple[Served, str], other_certificate: Path
) -> None:
    server, _ = production
    for trust in (None, Trust(ca_file=other_certificate), Trust(pinned=other_certificate)):
        client = InferenceClient(https_url(server), tokens=server.tokens, trust=trust)
        with pytest.raises(CertificateRefused, match="--ca-file"):
            client.predict(PICTURE)


def test_grpc_speaks_tls_too(production: tuple[Served, str], other_certificate: Path) -> None:
    server, _ = production
    certificate = server.run_dir / "tls" / "certificate.pem"
    options: dict[str, Any] = {"tokens": server.tokens, "ca_file": certificate, "timeout_s": 60}
    with closing(GrpcInferenceClient(f"{HOST}:{server.port + 3}", **options)) as client:
        assert client.predict(PICTURE).scores
    plain = options | {"ca_file": None}  # management is on loopback, without TLS, as over HTTP
    with closing(GrpcManagementClient(f"{HOST}:{server.port + 4}", **plain)) as management:
        assert [entry.name for entry in management.list_models()] == ["flowers"]
    for ca_file, error in ((other_certificate, CertificateRefused), (None, ServerUnreachable)):
        options["ca_file"] = ca_file
        client = GrpcInferenceClient(f"{HOST}:{server.port + 3}", **options)
        with closing(client), pytest.raises(error):
            client.predict(PICTURE)


def test_without_tls_nobody_is_answered(production: tuple[Served, str]) -> None:
    server, _ = production
    reply = requests.get(f"{server.url}/ping", timeout=60)
    assert reply.status_code == 400
    assert "HTTP request to an HTTPS server" in reply.text


def test_nothing_is_written_outside_the_run_folder(production: tuple[Served, str]) -> None:
    server, _ = production
    writable = set()
    for process in at_work_in(server.run_dir):
        files = process.open_files()
        writable |= {Path(file.path) for file in files if file.mode in ("w", "a", "r+", "a+")}
    assert writable
    assert all(path.is_relative_to(server.run_dir.resolve()) for path in writable), writable


def test_keys_are_their_owners_alone(production: tuple[Served, str]) -> None:
    server, _ = production
    for name in ("key_file.json", "tls/key.pem", "clients/local", "tmp/front/front.json"):
        assert stat.S_IMODE((server.run_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(server.run_dir.stat().st_mode) == 0o700
