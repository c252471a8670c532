"""The Containerfile agrees with the project."""

from __future__ import annotations

import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from server.__main__ import build_parser
from tests.deploy.image import HOME, command, copied, instructions, last
from tests.deploy.rendered import DEPLOY, containers

if TYPE_CHECKING:
    from pathlib import Path


def test_the_image_has_the_packages_that_make_serve_runs_on() -> None:
    installs = [value for name, value in instructions() if name == "RUN" and "pip install" in value]
    assert installs == ["pip install --require-hashes -r /tmp/requirements.txt"]
    assert ("COPY", "requirements/serve.txt /tmp/requirements.txt") in instructions()


@pytest.mark.parametrize(("member", "returned"), [("torch.py", 0), ("resnet34.safetensors", 1)])
def test_an_archive_that_needs_pytorch_stops_the_build(
    tmp_path: Path, member: str, returned: int
) -> None:
    (tmp_path / "model-store").mkdir()
    with zipfile.ZipFile(tmp_path / "model-store" / "flowers.mar", "w") as archive:
        archive.writestr(member, b"")
    check = next(value for name, value in instructions() if "zipfile" in value)
    process = subprocess.run(
        ["sh", "-c", check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert process.returncode == returned
    assert process.stderr.count("\n") == returned


def test_the_image_holds_what_its_commands_import() -> None:
    assert {"client", "config", "console", "handler", "server", "storage"} == set(copied())
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in (*copied(), "requirements/serve.txt")} <= set(ignored)


def test_the_image_runs_as_nobody_in_particular() -> None:
    user = last("USER").split(":")[0]
    assert int(user) > 0
    assert any(f"--uid {user} " in value for name, value in instructions() if name == "RUN")


def test_the_image_starts_what_the_manifests_start() -> None:
    assert command("ENTRYPOINT") == ["python", "-m"]
    assert command("CMD") == containers("local")["server"]["args"]
    assert last("WORKDIR") == HOME


def test_the_health_check_predicts() -> None:
    words = command("HEALTHCHECK")
    assert words[:3] == ["python", "-m", "server"]
    options = build_parser().parse_args(words[3:])
    started = build_parser().parse_args(command("CMD")[1:])
    assert (options.of, options.run_dir) == ("prediction", started.run_dir)
