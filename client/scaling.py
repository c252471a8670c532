"""Changes the number of workers without cutting off a request.

TorchServe kills the workers that it no longer wants at once, whatever they are doing. Most requests
in work then end in 500 "Worker died."; so scaling down first waits for a quiet moment, with the
rules and limits that `client.idle` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.errors import InFlightUnknown, ServerBusy
from client.idle import DEFAULT_DEADLINE_S, wait_until_idle

if TYPE_CHECKING:
    from client.management import ManagementClient


def scale_safely(  # noqa: PLR0913
    management: ManagementClient,
    metrics_url: str,
    model: str,
    workers: int,
    *,
    deadline_s: float = DEFAULT_DEADLINE_S,
    force: bool = False,
) -> str:
    """Set the number of workers of a model's default version; return the server's own words.

    Args:
        management: The server's management API.
        metrics_url: The server's metrics API, such as ``http://127.0.0.1:8082``.
        model: Name of the model.
        workers: Number of workers, 0 or more.
        deadline_s: Longest wait for a quiet moment, seconds. Scaling up does not wait.
        force: Scale down without waiting.

    Raises:
        ServerBusy: No quiet moment came; nothing was changed.
        InFlightUnknown: The server's metrics do not tell; nothing was changed.
        ClientError: The server does not answer, or has no such model.
    """
    shrinks = workers < len(management.describe(model).workers)
    if shrinks and not force:
        _wait(management, metrics_url, model, deadline_s)
    return management.scale(model, workers)


def _wait(management: ManagementClient, metrics_url: str, model: str, deadline_s: float) -> None:
    try:
        quiet = wait_until_idle(management, metrics_url, model, deadline_s)
    except InFlightUnknown as error:
        raise InFlightUnknown(f"{error}; or use --force, which may cut off requests") from error
    if not quiet:
        raise ServerBusy(
            f"{model} had requests in work for all of {deadline_s:.3g} s, and scaling down "
            "would cut some off; try later, raise --deadline, or use --force"
        )
