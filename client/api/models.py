"""The management API's descriptions of models and workers, as typed values.

`client.api.management` sends the requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from client.errors import UnexpectedReply

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ModelEntry:
    """One line of the list of models: the default version of a model."""

    name: str
    archive: str


@dataclass(frozen=True)
class WorkerStatus:
    """One worker process.

    `state` is ``READY``, or ``UNLOADING`` while it starts, stops or restarts. `memory_bytes` is
    the resident size as the server last measured it; None if it does not measure
    (``disable_system_metrics=true``) or has not yet.
    """

    id: str
    state: str
    pid: int
    memory_bytes: int | None
    started_at: str
    on_gpu: bool

    @property
    def is_ready(self) -> bool:
        """Whether the worker accepts requests."""
        return self.state == "READY"


@dataclass(frozen=True)
class ModelStatus:
    """One version of a model.

    `queue_pending` counts requests that no worker has taken yet, not those in progress.
    `metadata` is the handler's own description; None unless it was requested.
    """

    name: str
    version: str
    archive: str
    min_workers: int
    max_workers: int
    batch_size: int
    max_batch_delay_ms: int
    response_timeout_s: int
    queue_pending: int
    queue_capacity_left: int
    workers: tuple[WorkerStatus, ...]
    metadata: Any = None

    @property
    def ready_workers(self) -> int:
        """How many workers accept requests."""
        return sum(worker.is_ready for worker in self.workers)


def read_model_status(fields: Mapping[str, Any]) -> ModelStatus:
    """Read one element of the reply to ``GET /models/<model>``.

    Raises:
        UnexpectedReply: A member is missing or of another type.
    """
    try:
        queue = fields["jobQueueStatus"]
        return ModelStatus(
            name=fields["modelName"],
            version=fields["modelVersion"],
            archive=fields["modelUrl"],
            min_workers=int(fields["minWorkers"]),
            max_workers=int(fields["maxWorkers"]),
            batch_size=int(fields["batchSize"]),
            max_batch_delay_ms=int(fields["maxBatchDelay"]),
            response_timeout_s=int(fields["responseTimeout"]),
            queue_pending=int(queue["pendingRequests"]),
            queue_capacity_left=int(queue["remainingCapacity"]),
            workers=tuple(_read_worker(worker) for worker in fields["workers"]),
            metadata=fields.get("customizedMetadata"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedReply(f"the description of a model lacks or garbles {error}") from error


def read_model_entries(reply: Any) -> tuple[list[ModelEntry], str | None]:
    """Read one page of the reply to ``GET /models``: entries, and the next page's token.

    Raises:
        UnexpectedReply: A member is missing or of another type.
    """
    try:
        entries = [ModelEntry(model["modelName"], model["modelUrl"]) for model in reply["models"]]
        return entries, reply.get("nextPageToken")
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedReply(f"the list of models lacks or garbles {error}") from error


def _read_worker(fields: Mapping[str, Any]) -> WorkerStatus:
    return WorkerStatus(
        id=str(fields["id"]),
        state=str(fields["status"]),
        pid=int(fields["pid"]),
        memory_bytes=int(fields["memoryUsage"]) or None,
        started_at=str(fields["startTime"]),
        on_gpu=bool(fields["gpu"]),
    )
