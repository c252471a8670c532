"""The options that each profile allows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from server.errors import StartError
from server.profiles import choose_profile
from server.tls import KeyPair

if TYPE_CHECKING:
    from pathlib import Path


def test_both_listen_on_loopback_unless_told_otherwise() -> None:
    for profile in (choose_profile("development"), choose_profile("production", allow_root=True)):
        assert (profile.host, profile.metrics_host) == ("127.0.0.1", "127.0.0.1")


def test_only_production_speaks_tls() -> None:
    assert choose_profile("development").scheme == "http"
    assert choose_profile("production", allow_root=True).scheme == "https"


@pytest.mark.parametrize("variable", ["host", "metrics_host"])
def test_development_lets_no_other_machine_in(variable: str) -> None:
    with pytest.raises(StartError, match="use PROFILE=production"):
        choose_profile("development", **{variable: "0.0.0.0"})  # type: ignore[arg-type]  # noqa: S104


def test_an_interface_stands_for_its_address() -> None:
    profile = choose_profile("production", host="lo", allow_root=True)
    assert profile.host == "127.0.0.1"
    with pytest.raises(StartError, match=r"an interface that has one, such as .*lo"):
        choose_profile("production", host="no-such-interface", allow_root=True)


def test_a_server_on_all_interfaces_is_reached_over_loopback() -> None:
    profile = choose_profile("production", host="0.0.0.0", allow_root=True)  # noqa: S104
    assert profile.local_host == "127.0.0.1"


def test_production_does_not_run_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(StartError, match="ALLOW_ROOT=1"):
        choose_profile("production")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert choose_profile("production").name == "production"


def test_a_certificate_is_not_silently_left_unused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="PROFILE=production"):
        choose_profile("development", given=KeyPair(tmp_path, tmp_path))
