"""A separate server under a supervisor, and what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import psutil

from bench.faults.supervisor import Supervisor
from bench.lab.processes import at_work_in, role
from client.api.addresses import addresses_from, listens
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from server.ports import HOST, Ports, free_ports
from server.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from bench.faults.boot import BootTime
    from bench.faults.clock import Clock

_LOGS = ("logs",)  # these are expected to grow
# What a stopped server was started with, and the keys of its clients.
_STAYS = ("config.properties", "clients", "clients/local")
# What a deployment replaced, for `rollback`; the archives stay with the server until it stops.
_RELEASES = ("rollout.json", "tmp/archives/")
_UNPACKED = ("tmp", "models")


@dataclass
class Stage:
    """The server, its files and its processes.

    Attributes:
        mar: The verified archive.
        folder: Everything that the server and its supervisor write is in here.
        clock: The server's clock; None for the machine's.
        boot: The boot time that the server's commands see; None for the machine's.
        model_api: Whether models can be deployed.
        model: Name of the served model.
        port: The first of its ports.
        grace_s: Longest wait for requests in flight when it is stopped, in seconds.
    """

    mar: Path
    folder: Path
    clock: Clock | None = None
    boot: BootTime | None = None
    model_api: bool = False
    model: str = "flowers"
    port: int = field(default_factory=free_ports)
    grace_s: float = 10.0

    def __post_init__(self) -> None:
        self.run = RunFolder(self.folder / "run")
        self.addresses = addresses_from(f"http://{HOST}:{self.port}")
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.supervisor = Supervisor(
            self.command("--foreground", "--grace-s", str(self.grace_s)),
            environment | (self.clock.environment if self.clock else {}),
            self.folder / "supervised.log",
        )

    def command(
        self, *more: str, run_dir: Path | None = None, port: int | None = None
    ) -> list[str]:
        """Return the command that starts the server, as `make serve` does, or one beside it."""
        command = [
            *(sys.executable, "-m", "server", "start", str(self.mar.resolve())),
            *("--workers", "1"),  # the only one: nobody hides its fault
            *("--model-name", self.model, "--port", str(port or self.port)),
            *("--run-dir", str(run_dir or self.run.path)),
            *(["--model-api"] if self.model_api else []),
            *more,
        ]
        return self.boot.command(command) if self.boot else command

    def tokens(self) -> Tokens:
        """Return the server's tokens, for one client."""
        tokens = partial(Tokens, self.run.key_file, self.addresses.management)
        return tokens(now=self.clock.now) if self.clock else tokens()

    @property
    def front_end(self) -> psutil.Process:
        """The Java process."""
        found = self.run.server()
        assert found is not None, "the server runs"  # noqa: S101
        return found[0]

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes that the server reports."""
        management = ManagementClient(self.addresses.management, tokens=self.tokens())
        return [
            psutil.Process(worker.pid)
            for worker in management.describe(self.model).workers
            if worker.pid > 0
        ]

    def stop(self) -> list[str]:
        """Stop the server for good; return what it left behind."""
        self.supervisor.stop()
        return sorted(self.belongings() - Counter(_STAYS))

    def belongings(self) -> Counter[str]:
        """Return what a fault could leave behind: processes, open ports, files."""
        found = [f"process {role(process)}" for process in at_work_in(self.run.path)]
        ports = Ports.starting_at(self.port).all
        found += [f"port {port}" for port in ports if listens(HOST, port)]
        for path in self.run.path.rglob("*"):
            place = path.relative_to(self.run.path).parts
            if place[:2] == _UNPACKED:
                # A folder with a random name for each start; what is in it is the archive's.
                found += ["unpacked archive"] * (len(place) == len(_UNPACKED) + 1)
            elif place[0] not in _LOGS and not "/".join(place).startswith(_RELEASES):
                found.append("/".join(place))
        return Counter(found)
