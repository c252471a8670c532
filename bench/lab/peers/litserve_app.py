"""LitServe, following its guide "Speed up serving by 200x": batches, workers, fast queue."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import litserve

from bench.lab.peers import models

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class FlowersAPI(litserve.LitAPI):
    """Photos as base64 in JSON, the form of LitServe's own image examples."""

    classify: Callable[[Sequence[bytes]], list[models.Answer]]

    def setup(self, device: str) -> None:  # noqa: ARG002  there is only the CPU
        """Load the model; called in each worker."""
        self.classify = models.load()

    def decode_request(self, request: dict[str, str]) -> bytes:
        """Return the image file."""
        return base64.b64decode(request["image_data"])

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        """Keep the batch a list: the model accepts image files."""
        return inputs

    def predict(self, x: list[bytes]) -> list[models.Answer]:
        """Classify a batch."""
        return self.classify(x)

    def unbatch(self, output: list[models.Answer]) -> list[models.Answer]:
        """Return the answers one by one."""
        return output

    def encode_response(self, output: models.Answer) -> Any:
        """Answer with classes and probabilities."""
        return output


if __name__ == "__main__":
    api = FlowersAPI(max_batch_size=models.MAX_BATCH_SIZE, batch_timeout=models.BATCH_DELAY_S)
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(os.environ[models.WORKERS]),
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ[models.PORT]),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
