"""Checks a running server's health with its own keys, for probes.

`/ping` is 200 even without a worker; and a prediction waits in the queue behind everybody else's.
So there are three levels, from cheap to thorough:

front-end    it answers `/ping`, through the front; if not, a restart helps (liveness)
worker       and a worker accepts requests; if none does, use another machine (readiness)
prediction   a reference picture gets an answer: all of the above, once (startup)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from client.api.inference import InferenceClient
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from client.run_record import read_run_record
from server.errors import Unhealthy

if TYPE_CHECKING:
    from server.run_folder import RunFolder

Level = Literal["front-end", "worker", "prediction"]
LEVELS: tuple[Level, ...] = get_args(Level)


def check(folder: RunFolder, model_name: str, level: Level, *, timeout_s: float) -> str:
    """Check the server of a run folder; return its answer.

    Args:
        folder: Where the server runs.
        model_name: Name under which it serves.
        level: What to check.
        timeout_s: Longest wait for an answer, in seconds.

    Raises:
        Unhealthy: There is no such server, or no worker is ready.
        ClientError: It does not answer, or refuses the request.
    """
    running = folder.server()
    if not running:
        raise Unhealthy(f"no server is running from {folder.path}")
    record = read_run_record(folder.path)
    if not record:
        raise Unhealthy(
            f"{folder.path} does not say where its server is; `make restart` mends that"
        )
    addresses, trust = record
    tokens = Tokens(folder.key_file, addresses.management)
    inference = InferenceClient(
        addresses.inference, model_name, tokens=tokens, timeout_s=timeout_s, trust=trust
    )
    if level == "front-end":
        return inference.ping()
    if level == "worker":
        inference.ping()
        management = ManagementClient(addresses.management, tokens=tokens, timeout_s=timeout_s)
        status = management.describe(model_name)
        if not status.ready_workers:
            raise Unhealthy(f"none of {len(status.workers)} workers of {model_name} is ready")
        return f"{status.ready_workers} of {len(status.workers)} workers are ready"
    from classifier.reference import REFERENCE_NAMES, draw_png  # noqa: PLC0415  needs NumPy

    return f"{REFERENCE_NAMES[0]} is {inference.predict(draw_png(REFERENCE_NAMES[0])).label}"
