"""A real server for tests: the Makefile's own targets, in separate folders and on free ports."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from client.api.inference import InferenceClient
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from server.ports import HOST, free_ports

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 600
# Of clients: where tests fill the cores, a worker takes its time to come back.
PATIENCE_S = 120


@dataclass(frozen=True)
class Served:
    """Where a test's server is, and what is needed to ask it.

    Attributes:
        home: Folder of everything that the server reads and writes.
        port: The first of its ports.
        variables: Make variables besides those that follow from `home` and `port`.
    """

    home: Path
    port: int
    variables: tuple[str, ...] = ()

    @classmethod
    def at(cls, home: Path, *variables: str) -> Served:
        """Choose free ports; nothing is started."""
        return cls(home, free_ports(), variables)

    def beside(self, home: Path, *variables: str, port: int | None = None) -> Served:
        """Choose another server with this one's archive and variables, and more of these."""
        for name in ("store", "build"):
            (home / name).symlink_to(self.home / name)
        return Served(home, port or free_ports(), (*self.variables, *variables))

    @property
    def run_dir(self) -> Path:
        """The server's working directory."""
        return self.home / "run"

    @property
    def url(self) -> str:
        """The inference API."""
        return f"http://{HOST}:{self.port}"

    @property
    def management_url(self) -> str:
        """The management API."""
        return f"http://{HOST}:{self.port + 1}"

    @property
    def metrics_url(self) -> str:
        """The metrics API."""
        return f"http://{HOST}:{self.port + 2}"

    @property
    def tokens(self) -> Tokens:
        """The server's own tokens."""
        return Tokens(self.run_dir / "key_file.json", self.management_url)

    @property
    def inference(self) -> InferenceClient:
        """A client of the inference API."""
        return InferenceClient(self.url, tokens=self.tokens, timeout_s=PATIENCE_S)

    @property
    def management(self) -> ManagementClient:
        """A client of the management API."""
        return ManagementClient(self.management_url, tokens=self.tokens, timeout_s=PATIENCE_S)

    def make(self, *arguments: str, expect: int = 0) -> str:
        """Run targets of the Makefile; return what they print, errors included."""
        command = [
            *("make", "--silent", "WORKERS=1", *self.variables),
            *(f"PORT={self.port}", f"RUN_DIR={self.run_dir}"),
            *(f"MODEL_STORE={self.home / 'store'}", f"BUILD_DIR={self.home / 'build'}"),
            *arguments,
        ]
        process = subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert process.returncode == expect, process.stdout
        return process.stdout


def clean_environment() -> dict[str, str]:
    """The environment without what an outer make hands down, its variables included."""
    variables = re.findall(r"(\w+)=", os.environ.get("MAKEFLAGS", ""))
    handed_down = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", *variables}
    return {name: value for name, value in os.environ.items() if name not in handed_down}
