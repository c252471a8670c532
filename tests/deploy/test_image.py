"""The Containerfile and its requirements: what they take agrees with the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from server.__main__ import build_parser
from tests.deploy.image import HOME, ROOT, command, copied, instructions, last
from tests.deploy.rendered import DEPLOY, containers

if TYPE_CHECKING:
    from pathlib import Path


def pins(path: Path) -> dict[str, str]:
    """Return the versions that a file of requirements pins."""
    return dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", path.read_text(encoding="utf-8")))


def test_the_image_has_the_versions_that_the_tests_had() -> None:
    project, image = pins(ROOT / "requirements" / "full.txt"), pins(DEPLOY / "requirements.txt")
    assert image
    assert image.items() <= project.items()
    torch = next(value for name, value in instructions() if value.startswith("TORCH="))
    assert torch == f"TORCH={project['torch']}"


def test_every_requirement_of_the_image_has_a_hash() -> None:
    text = (DEPLOY / "requirements.txt").read_text(encoding="utf-8")
    assert text.count("==") == len(re.findall(r"==\S+ .*\\\n +--hash=", text))


def test_the_image_holds_what_its_commands_import() -> None:
    assert {"client", "config", "console", "handler", "server", "storage"} == set(copied())
    ignored = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied()} <= set(ignored)


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
