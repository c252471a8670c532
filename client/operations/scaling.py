"""Changes the number of workers without cutting off a request.

TorchServe kills surplus workers at once, whatever they are doing. Most requests in progress then
end in 500 "Worker died.". So workers are removed only

1. without traffic: no request arrived for a second, and none is in progress; or
2. while another version stands in (`client.operations.stand_in`), which requires the model API and
   a model store on this machine, and loses nothing under any load; or, if that is impossible,
3. in a quiet moment, with the rules and limits described in `client.operations.idle`. A request
   that arrives just after it may be cut off; under full load there is no such moment.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from client.api.metrics import MetricsClient
from client.errors import InFlightUnknown, NoStandIn, ServerBusy
from client.operations.idle import DEFAULT_DEADLINE_S, wait_until_idle
from client.operations.stand_in import SUFFIX, StandIn
from client.operations.starting import start_workers

if TYPE_CHECKING:
    from client.api.management import ManagementClient

_log = logging.getLogger(__name__)

_UNUSED_S = 1.0


def scale_safely(  # noqa: PLR0913
    management: ManagementClient,
    metrics_url: str,
    model: str,
    workers: int,
    *,
    store: Path | None = None,
    deadline_s: float = DEFAULT_DEADLINE_S,
    force: bool = False,
) -> str:
    """Set the number of workers of a model's default version; return a summary.

    Args:
        management: The server's management API.
        metrics_url: The server's metrics API, such as ``http://127.0.0.1:8082``.
        model: Name of the model.
        workers: Number of workers, 0 or more.
        store: The server's model store; None if it is unknown.
        deadline_s: Longest wait for a quiet moment, seconds. Scaling up does not wait.
        force: Scale down without waiting.

    Raises:
        ServerBusy: There was no quiet moment; nothing was changed.
        InFlightUnknown: The server's metrics lack the counts; nothing was changed.
        WorkersNotReady: A new worker died or was not ready in time.
        ClientError: The server does not answer, or has no such model.
    """
    status = management.describe(model)
    if status.version.endswith(SUFFIX) and not force:
        return _complete(management, model, status.version.removesuffix(SUFFIX), workers)
    if workers >= len(status.workers):
        start_workers(management, model, workers)
        return f"{model} {status.version} has {workers} workers, all ready"
    if force:
        return management.scale(model, workers)
    if workers and store and not _is_unused(management, metrics_url, model):
        try:
            StandIn(management, model, status.version, store).scale_original(workers)
        except NoStandIn as error:
            _log.warning("no other version can stand in, waiting for a quiet moment: %s", error)
        else:
            words = "another version stood in meanwhile"
            return f"{model} {status.version} has {workers} workers; {words}"
    _wait(management, metrics_url, model, deadline_s)
    return management.scale(model, workers)


def _complete(management: ManagementClient, model: str, original: str, workers: int) -> str:
    """Restore the version that a stand-in has replaced since an interrupted run."""
    # No archive has to be copied now, so the store does not matter.
    StandIn(management, model, original, Path()).scale_original(workers)
    return f"{model} {original} has {workers} workers, and is in service again"


def _is_unused(management: ManagementClient, metrics_url: str, model: str) -> bool:
    """Whether no request arrives within a second, and none is in progress."""
    metrics = MetricsClient(metrics_url)
    try:
        before = metrics.traffic(model).arrived
        time.sleep(_UNUSED_S)
        quiet = wait_until_idle(management, metrics_url, model, deadline_s=0)
        return quiet and metrics.traffic(model).arrived == before
    except InFlightUnknown:
        return False


def _wait(management: ManagementClient, metrics_url: str, model: str, deadline_s: float) -> None:
    try:
        quiet = wait_until_idle(management, metrics_url, model, deadline_s)
    except InFlightUnknown as error:
        raise InFlightUnknown(f"{error}; or use --force, which may cut off requests") from error
    if not quiet:
        raise ServerBusy(
            f"{model} had requests in progress for all of {deadline_s:.3g} s, and scaling down "
            "would cut some off; try later, raise --deadline, start the server with MODEL_API=1 "
            "(then another version stands in), or use --force"
        )
