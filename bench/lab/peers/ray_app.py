"""Ray Serve with `serve.batch`, in its throughput-optimised mode."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from typing import TYPE_CHECKING, Any

import ray
from ray import serve

from bench.lab.peers import models

if TYPE_CHECKING:
    from starlette.requests import Request

WORKERS = int(os.environ[models.WORKERS])


@serve.deployment(
    num_replicas=WORKERS,
    max_ongoing_requests=128,
    ray_actor_options={"num_cpus": 0},
)
class Flowers:
    """One replica of the model."""

    def __init__(self) -> None:
        _stay_on_loopback()
        self._classify = models.load()

    @serve.batch(max_batch_size=models.MAX_BATCH_SIZE, batch_wait_timeout_s=models.BATCH_DELAY_S)
    async def classify(self, files: list[bytes]) -> list[models.Answer]:
        """Classify a batch off the event loop, which accepts the next requests meanwhile."""
        return await asyncio.to_thread(self._classify, files)

    async def __call__(self, request: Request) -> models.Answer:
        """Answer one request: an image file in, class probabilities out."""
        answer: models.Answer = await self.classify(await request.body())
        return answer


def _stay_on_loopback() -> None:
    """Bind a replica's port for other replicas to loopback; Ray has no setting for it."""
    from ray.serve._private import replica  # noqa: PLC0415  in the replica's process only

    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(
        server, address.replace("[::]", "127.0.0.1")
    )


def main(folder: str) -> None:
    """Serve until terminated.

    Args:
        folder: For Ray's own files; its path must be short, as it holds sockets.
    """
    ray.init(
        num_cpus=os.cpu_count(),
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=256 * 2**20,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ[models.PORT])})
    flowers: Any = Flowers  # the decorator made it a deployment
    serve.run(flowers.bind(), route_prefix="/")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with tempfile.TemporaryDirectory(prefix="ray-") as temporary:
        main(temporary)
