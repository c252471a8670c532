"""Our own archive, started as `make serve` starts it."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.lab.errors import PeerFailed
from bench.lab.servers import Dialect, Running, wait_for_answer
from client.api.tokens import Tokens
from client.errors import ClientError
from server import start as launcher
from server.errors import ControlError
from server.gateway.caddy import Caddy
from server.ports import HOST, Ports, free_ports
from server.run_folder import RunFolder
from server.stop import stop

if TYPE_CHECKING:
    from pathlib import Path

    from bench.lab.subject import Subject

MODEL_NAME = "flowers"
TORCHSERVE = Dialect(
    f"/predictions/{MODEL_NAME}",
    "image/jpeg",
    lambda photo: photo,
    lambda body: str(next(iter(json.loads(body)))),
)


@dataclass(frozen=True)
class Marigold:
    """The archive behind TorchServe.

    Attributes:
        mar: Archive to serve instead of the subject's, such as one with another batch size.
        workers: Number of workers; None for the archive's own.
        config: Folder with a `config.properties` to use instead of the project's.
        name: Name in the results.
    """

    mar: Path | None = None
    workers: int | None = None
    config: Path | None = None
    name: str = "marigold"

    @property
    def settings(self) -> str:
        """A description of the mode, for people."""
        return "as shipped" if self.workers is None else f"{self.workers} workers"

    def start(self, subject: Subject, folder: Path) -> Running:
        """Start it; see `Server`."""
        mar = self.mar or subject.mar
        run = RunFolder(folder / "run")
        options = launcher.Options(
            mar, mar.stem, Ports.starting_at(free_ports()), self.workers, model_api=False
        )
        shutil.rmtree(run.path, ignore_errors=True)
        project_config = launcher.CONFIG
        since = time.perf_counter()
        try:
            # The launcher reads its settings from this folder.
            launcher.CONFIG = self.config or project_config
            launcher.start(options, run)
        except (ControlError, ClientError) as error:
            raise PeerFailed(f"{self.name}: {error}") from error
        finally:
            launcher.CONFIG = project_config
        found = run.server()
        if found is None:
            raise PeerFailed(f"{self.name}: the server is gone")
        ports = options.ports
        token = Tokens(run.key_file, f"http://{HOST}:{ports.management}").current("inference")
        running = Running(
            self.name,
            ports.inference,
            Dialect(
                f"/predictions/{mar.stem}",
                TORCHSERVE.content_type,
                TORCHSERVE.encode,
                TORCHSERVE.top_class,
            ),
            found[0],
            {"Authorization": f"Bearer {token}"} if token else {},
            stop=lambda: _stop(run),
            beside=tuple(Caddy(run.front).processes()),
        )
        wait_for_answer(running, subject, folder, since)
        return running


def _stop(run: RunFolder) -> None:
    stop(run, grace_s=1.0)
