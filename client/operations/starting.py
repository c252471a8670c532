"""Starts workers without blocking other clients, and waits until they are ready.

TorchServe can answer when the workers are ready (``synchronous=true``), but then blocks one of the
few threads that all connections share: while a worker loads its model, no other client on that
thread gets an answer. So the request returns at once, and the workers are polled.

`client.operations.scaling` removes workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.api.management import START_DEADLINE_S
from client.errors import WorkersNotReady

if TYPE_CHECKING:
    from client.api.management import ManagementClient
    from client.api.models import ModelStatus

_POLL_S = 0.2


def start_workers(  # noqa: PLR0913
    management: ManagementClient,
    model: str,
    workers: int,
    version: str | None = None,
    *,
    deadline_s: float = START_DEADLINE_S,
    clock: Clock = MACHINE,
) -> ModelStatus:
    """Raise the number of workers; returns when all of them accept requests.

    Args:
        management: The server's management API.
        model: Name of the model.
        workers: Number of workers, not below the current one.
        version: The version; None for the default one.
        deadline_s: Longest wait, seconds.
        clock: Measures the wait.

    Raises:
        WorkersNotReady: One of them died, or they are not ready in time. The server keeps
            starting them.
        ClientError: The server does not answer, or has no such model.
    """
    management.scale(model, workers, version=version, synchronous=False)
    return wait_until_ready(management, model, workers, version, deadline_s=deadline_s, clock=clock)


def wait_until_ready(  # noqa: PLR0913
    management: ManagementClient,
    model: str,
    workers: int,
    version: str | None = None,
    *,
    deadline_s: float = START_DEADLINE_S,
    clock: Clock = MACHINE,
) -> ModelStatus:
    """Wait for requested workers; arguments and errors as for `start_workers`."""
    pids: dict[str, int] = {}
    for _ in clock.looks(deadline_s, _POLL_S):
        status = management.describe(model, version)
        if status.ready_workers >= workers:
            return status
        # The same worker id with another process: the model does not load.
        for worker in status.workers:
            if pids.get(worker.id, worker.pid) != worker.pid:
                raise WorkersNotReady(
                    f"a worker of {model} {status.version} ended while it loaded the model; "
                    "its log says why: logs/worker.log in the server's directory (make logs)"
                )
            if worker.pid > 0:
                pids[worker.id] = worker.pid
    raise WorkersNotReady(
        f"{status.ready_workers} of {workers} workers of {model} {status.version} "
        f"are ready after {deadline_s:.3g} s"
    )
