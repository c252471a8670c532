"""The systemd unit is valid, and starts an existing command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from server.__main__ import build_parser
from tests.deploy.image import HOME
from tests.deploy.rendered import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

UNIT = (DEPLOY / "systemd" / "marigold.service").read_text(encoding="utf-8")


def setting(name: str) -> str:
    (value,) = re.findall(rf"(?m)^{name}=(.*)$", UNIT)
    return str(value)


def test_the_command_is_one_that_the_code_knows() -> None:
    interpreter, *words = shlex.split(setting("ExecStart"))
    assert interpreter == f"{setting('WorkingDirectory')}/.venv/bin/python"
    assert words[:2] == ["-m", "server"]
    options = build_parser().parse_args(words[2:])
    assert options.foreground
    assert str(options.run_dir).startswith(f"/var/lib/{setting('StateDirectory')}/")
    assert float(setting("TimeoutStopSec")) > options.grace_s
    assert float(setting("TimeoutStartSec")) > options.deadline_s


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    unit = tmp_path / "marigold.service"
    unit.write_text(
        UNIT.replace(f"{HOME}/.venv/bin/python", sys.executable).replace("User=marigold\n", "")
    )
    process = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
