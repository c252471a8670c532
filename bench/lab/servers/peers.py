"""The other servers (`bench.lab.peers`), each started from its own environment.

Each runs either the archive's model or the one its users would write first. Each has several modes,
mainly the number of processes that run the model; the fastest one is compared.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.lab import environments
from bench.lab.peers import models
from bench.lab.processes import end, launch
from bench.lab.servers import Dialect, Running, wait_for_answer
from server.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from bench.lab.subject import Subject

PEERS = environments.ROOT / "bench" / "peers"


@dataclass(frozen=True)
class Peer:
    """One other server in one of its modes.

    Attributes:
        kind: Name of its environment.
        arguments: Arguments of the interpreter; `{port}` is filled in.
        dialect: Its request and reply format.
        model: `marigold` or `eager`.
        workers: Processes that run the model.
        mode: Name of the variant, if it has several.
        environment: Further variables.
    """

    kind: str
    arguments: tuple[str, ...]
    dialect: Dialect
    model: str = "marigold"
    workers: int = 1
    mode: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in the results, such as `fastapi` or `fastapi-eager`."""
        return self.kind if self.model == "marigold" else f"{self.kind}-{self.model}"

    @property
    def settings(self) -> str:
        """A description of the mode, for people."""
        workers = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        return f"{self.mode}, {workers}" if self.mode else workers

    def start(self, subject: Subject, folder: Path) -> Running:
        """Start it; see `Server`."""
        port = free_ports()
        interpreter = environments.python(self.kind)
        folder.mkdir(parents=True, exist_ok=True)
        if self.kind == "mlserver":
            _write_mlserver_settings(folder, port, self.workers)
        environment = subject.environment(model=self.model, workers=self.workers) | {
            models.PORT: str(port),
            models.MODE: self.mode,
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
            "RAY_USAGE_STATS_ENABLED": "0",
            **self.environment,
        }
        command: list[str | Path] = [
            interpreter,
            *(part.format(port=port) for part in self.arguments),
        ]
        since = time.perf_counter()
        root = launch(command, folder, environment)
        running = Running(self.name, port, self.dialect, root, stop=lambda: end(root))
        wait_for_answer(running, subject, folder, since)
        return running


def _first(answer: Any) -> str:
    if not isinstance(answer, dict):
        raise TypeError("an answer is an object")
    return str(next(iter(answer)))


def _base64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


_RAW = Dialect("/predict", "image/jpeg", lambda photo: photo, lambda body: _first(json.loads(body)))
_LITSERVE = Dialect(
    "/predict",
    "application/json",
    lambda photo: json.dumps({"image_data": _base64(photo)}).encode(),
    lambda body: _first(json.loads(body)),
)
_BENTOML = Dialect(
    "/predict",
    "application/json",
    lambda photo: json.dumps({"images": [_base64(photo)]}).encode(),
    lambda body: _first(json.loads(body)[0]),
)
_RAY = Dialect("/", "image/jpeg", lambda photo: photo, lambda body: _first(json.loads(body)))
_MLSERVER = Dialect(
    "/v2/models/flowers/infer",
    "application/json",
    lambda photo: json.dumps(
        {
            "inputs": [
                {
                    "name": "image",
                    "shape": [1, 1],
                    "datatype": "BYTES",
                    "parameters": {"content_type": "base64"},
                    "data": [_base64(photo)],
                }
            ]
        }
    ).encode(),
    lambda body: _first(json.loads(json.loads(body)["outputs"][0]["data"][0])),
)


def modes(kind: str, model: str, cores: int) -> list[Peer]:
    """Return a server in all modes worth trying on this number of cores."""
    counts = (1, cores) if cores > 1 else (1,)
    arguments: tuple[str, ...]
    match kind:
        case "fastapi":
            arguments = ("-m", "bench.lab.peers.fastapi_app")
            names = ("batch",) if model == "eager" else ("batch", "pipelined")
            return [Peer(kind, arguments, _RAW, model, n, mode) for mode in names for n in counts]
        case "litserve":
            arguments = ("-m", "bench.lab.peers.litserve_app")
            return [Peer(kind, arguments, _LITSERVE, model, n) for n in counts]
        case "bentoml":
            arguments = (
                *("-m", "bentoml", "serve", "bench.lab.peers.bentoml_app:Flowers"),
                *("--host", "127.0.0.1", "--port", "{port}", "--working-dir"),
                str(environments.ROOT),
            )
            return [Peer(kind, arguments, _BENTOML, model, n) for n in counts]
        case "ray":
            arguments = ("-m", "bench.lab.peers.ray_app")
            return [
                Peer(kind, arguments, _RAY, model, n, environment=RAY_ENVIRONMENT) for n in counts
            ]
        case "mlserver":
            arguments = ("-c", "from mlserver.cli import main; main()", "start", ".")
            return [Peer(kind, arguments, _MLSERVER, model, n) for n in counts]
        case _:
            raise ValueError(kind)


# From Ray's guide to high throughput. Its HAProxy is left out: it listens on all interfaces.
RAY_ENVIRONMENT = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    # Despite the name, it makes all of Ray's own services listen on loopback only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


def _write_mlserver_settings(folder: Path, port: int, workers: int) -> None:
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 1,
        "metrics_port": port + 2,
        # With one model process, the server runs the model itself and saves the transfer.
        "parallel_workers": workers if workers > 1 else 0,
        "debug": False,
    }
    model = {
        "name": "flowers",
        "implementation": "bench.lab.peers.mlserver_app.Flowers",
        "max_batch_size": models.MAX_BATCH_SIZE,
        "max_batch_time": models.BATCH_DELAY_S,
    }
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
