"""Clients' keys: which are accepted, and what nginx gets."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from server.gateway.errors import GatewayError
from server.gateway.keys import clients_conf, read_client_keys, server_conf
from server.gateway.nginx import Nginx

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 32


def test_a_file_is_a_client(tmp_path: Path) -> None:
    (tmp_path / "shop").write_text(KEY + "\n")
    (tmp_path / "..data").write_text("Kubernetes' own link")
    assert read_client_keys(tmp_path) == {"shop": KEY}


@pytest.mark.parametrize(
    ("header", "passes"),
    [
        ("Bearer Ab-._~+/9==" + KEY, True),
        ("bearer Ab-._~+/9==" + KEY, True),
        ("BEARER  Ab-._~+/9==" + KEY, True),
        ("Bearer aB-._~+/9==" + KEY, False),
        ("Bearer Ab-x_~+/9==" + KEY, False),
        ("Bearer Ab-._~+/9==" + KEY + "k", False),
        ("x Bearer Ab-._~+/9==" + KEY, False),
        ("Bearer", False),
    ],
)
def test_a_key_is_compared_exactly_and_the_word_before_it_is_not(header: str, passes: bool) -> None:
    pattern, name = re.findall(r'"([^"]*)"', clients_conf({"shop": "Ab-._~+/9==" + KEY}))
    assert name == "shop"
    assert pattern.startswith("~^")  # in nginx's map: an expression, with regard to case
    assert bool(re.search(pattern[1:], header)) == passes


@pytest.mark.parametrize("key", ["short", KEY + '"; evil', KEY + "\nmore", "", "${cat}" * 8])
def test_a_key_that_nginx_could_misread_is_refused(tmp_path: Path, key: str) -> None:
    (tmp_path / "shop").write_text(key)
    with pytest.raises(GatewayError, match="openssl rand -hex 32") as raised:
        read_client_keys(tmp_path)
    assert key not in str(raised.value) or not key


def test_a_folder_without_keys_lets_nobody_in(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no client has a key"):
        read_client_keys(tmp_path)
    with pytest.raises(GatewayError, match="cannot read"):
        read_client_keys(tmp_path / "none")


def test_the_servers_key_cannot_break_out(tmp_path: Path) -> None:
    assert server_conf("aB-_9") == 'proxy_set_header Authorization "Bearer aB-_9";\n'
    with pytest.raises(GatewayError):
        server_conf('a"; return 200')
    nginx = Nginx(tmp_path)
    (tmp_path / "keys").mkdir()
    assert nginx.set_keys("server.conf", "a")
    assert not nginx.set_keys("server.conf", "a")
    assert nginx.set_keys("server.conf", "b")
    assert (tmp_path / "keys" / "server.conf").stat().st_mode & 0o777 == 0o600


def test_half_a_certificate_is_refused(tmp_path: Path) -> None:
    process = subprocess.run(
        [
            *(sys.executable, "-m", "server.gateway", "--clients", str(tmp_path)),
            *("--folder", str(tmp_path / "nginx"), "--certificate", "cert.pem"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr == "error: --certificate and --certificate-key belong together\n"


def test_waiting_for_a_server_ends_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "shop").write_text(KEY)
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "server.gateway", "--clients", str(tmp_path / "clients")),
            *("--folder", str(tmp_path / "nginx"), "--run-dir", str(tmp_path)),
        ]
    ) as process:
        while not (tmp_path / "nginx" / "listen" / "upstreams.conf").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
