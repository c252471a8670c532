"""The image without a container engine: its instructions, and the folder they would fill."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

from tests.deploy.rendered import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

ROOT = DEPLOY.parent
HOME = "/opt/marigold"


def instructions() -> list[tuple[str, str]]:
    """Return the Containerfile's instructions and their arguments, continued lines joined."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def last(instruction: str) -> str:
    """Return the arguments of the last instruction of a kind, which is the one that counts."""
    return [arguments for name, arguments in instructions() if name == instruction][-1]


def command(instruction: str) -> list[str]:
    """Return a command in JSON form; a health check's without its options."""
    words = last(instruction)
    found: list[str] = json.loads(words[words.index("[") :])
    return found


def copied() -> list[str]:
    """Return the folders of the checkout that end up in the image's home."""
    places = [
        arguments.split()
        for name, arguments in instructions()
        if name == "COPY" and not arguments.startswith("--from")
    ]
    return [sources[0] for *sources, target in places if target == f"{HOME}/{sources[0]}"]


def fill(folder: Path) -> None:
    """Copy what the image would hold of the checkout."""
    for name in copied():
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
