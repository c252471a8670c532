"""BentoML with adaptive batching, as its documentation recommends for throughput."""

from __future__ import annotations

import base64
import os
from typing import Any

import bentoml

from bench.lab.peers import models


@bentoml.service(
    workers=int(os.environ[models.WORKERS]),
    traffic={"timeout": 60, "max_concurrency": 256},
    logging={"access": {"enabled": False}},
)
class Flowers:
    """Photos as base64 in JSON: BentoML batches lists, and JSON carries no bytes."""

    def __init__(self) -> None:
        self._classify = models.load()

    @bentoml.api(batchable=True, max_batch_size=models.MAX_BATCH_SIZE, max_latency_ms=60_000)
    def predict(self, images: list[str]) -> list[dict[str, Any]]:
        """Classify a batch that BentoML collected."""
        return self._classify([base64.b64decode(image) for image in images])
