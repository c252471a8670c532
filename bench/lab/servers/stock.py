"""TorchServe's own `image_classifier` with the same weights, built and started as in its examples.

Traced TorchScript; the settings are TorchServe's defaults, except for ports and tokens.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bench.lab import environments
from bench.lab.commands import output_of
from bench.lab.errors import PeerFailed
from bench.lab.processes import end, launch
from bench.lab.servers import Running, wait_for_answer
from bench.lab.servers.marigold import MODEL_NAME, TORCHSERVE
from classifier.labels import LABELS_FILE
from classifier.network import load_network
from server.java import find_java_home
from server.ports import HOST, free_ports

if TYPE_CHECKING:
    from bench.lab.subject import Subject

_ARCHIVER_TIMEOUT_S = 120


@dataclass(frozen=True)
class Stock:
    """The stock handler, in one of its modes.

    Attributes:
        workers: Number of Python processes.
        batch_size: Largest batch; TorchServe's default is 1.
        max_batch_delay_ms: TorchServe's default is 100.
        name: In the results.
    """

    workers: int = 1
    batch_size: int = 1
    max_batch_delay_ms: int = 100
    name: str = "stock"

    @property
    def settings(self) -> str:
        """A description of the mode, for people."""
        workers = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        return f"{workers}, batch {self.batch_size}"

    def start(self, subject: Subject, folder: Path) -> Running:
        """Start it; see `Server`."""
        store = archive(subject).parent
        port = free_ports()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.properties").write_text(self._config(store, port), encoding="utf-8")
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {
            "JAVA_HOME": str(find_java_home()),
            "LOG_LOCATION": str(folder / "logs"),
            "METRICS_LOCATION": str(folder / "logs"),
            "TMPDIR": str(temporary),
            "TEMP": str(temporary),
        }
        command: list[str | Path] = [
            *(environments.python("stock"), "-m", "ts.model_server", "--start", "--foreground"),
            *("--ncs", "--disable-token-auth", "--ts-config", folder / "config.properties"),
        ]
        since = time.perf_counter()
        root = launch(command, folder, environment)
        running = Running(self.name, port, TORCHSERVE, root, stop=lambda: end(root))
        wait_for_answer(running, subject, folder, since)
        return running

    def _config(self, store: Path, port: int) -> str:
        model = {
            "marName": f"{MODEL_NAME}.mar",
            "minWorkers": self.workers,
            "maxWorkers": self.workers,
            "batchSize": self.batch_size,
            "maxBatchDelay": self.max_batch_delay_ms,
            "responseTimeout": 120,
        }
        return (
            f"inference_address=http://{HOST}:{port}\n"
            f"management_address=http://{HOST}:{port + 1}\n"
            f"metrics_address=http://{HOST}:{port + 2}\n"
            f"grpc_inference_port={port + 3}\n"
            f"grpc_management_port={port + 4}\n"
            f"model_store={store}\n"
            f"load_models={MODEL_NAME}.mar\n"
            f"models={json.dumps({MODEL_NAME: {'1.0': {'defaultVersion': True, **model}}})}\n"
            "max_request_size=33554432\n"
        )


def archive(subject: Subject) -> Path:
    """Return the stock .mar of the subject's weights; build it if it is missing or outdated.

    Raises:
        PeerFailed: It cannot be packed.
    """
    folder = subject.work / f"stock-{subject.description.weights_sha256[:12]}"
    mar = folder / "store" / f"{MODEL_NAME}.mar"
    if mar.is_file():
        return mar
    mar.parent.mkdir(parents=True, exist_ok=True)
    description = subject.description
    crop = description.preprocessing.crop
    network = load_network(
        subject.weights / description.weights_file, description.arch, len(subject.class_names), crop
    )
    with warnings.catch_warnings():
        # TorchScript is deprecated, but TorchServe's handler accepts nothing newer.
        warnings.simplefilter("ignore", FutureWarning)
        traced = torch.jit.trace(network, torch.zeros(1, 3, crop, crop))  # type: ignore[no-untyped-call]
    traced.save(str(folder / "model.pt"))
    output_of(
        [
            Path(sys.executable).with_name("torch-model-archiver"),
            *("--model-name", MODEL_NAME, "--version", "1.0", "--handler", "image_classifier"),
            *("--serialized-file", folder / "model.pt"),
            *("--extra-files", subject.weights / LABELS_FILE),
            *("--export-path", mar.parent, "--force"),
        ],
        "the stock archive cannot be packed",
        PeerFailed,
        environment=os.environ | {"TMPDIR": str(folder)},
        timeout_s=_ARCHIVER_TIMEOUT_S,
    )
    return mar
