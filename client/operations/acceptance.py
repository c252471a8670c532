"""What a new version of a model must hold before and shortly after it takes over.

Not responsible for going back where it does not: see `client.operations.rollout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.errors import ClientError, InFlightUnknown, VersionRefused
from client.operations.comparison import compare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from client.api.metrics import MetricsClient
    from client.api.models import ModelStatus
    from client.connection import Connection

_POLL_S = 0.5


@dataclass(frozen=True)
class Checks:
    """What a new version must hold.

    Attributes:
        samples: Photos to ask both versions for.
        min_agreement: Smallest share of them with the same label from both, 0..1.
        other_labels: Whether it may lack labels of the old version.
        watch_s: How long it is watched after the switch, seconds.
        max_failures: Most answers with a 5xx, of the whole server, while it is watched.
    """

    samples: Sequence[Path] = ()
    min_agreement: float = 0.0
    other_labels: bool = False
    watch_s: float = 5.0
    max_failures: int = 0


def check_answers(connection: Connection, new: str, old: str, checks: Checks) -> str:
    """Ask a new version and the one in service; return in words how they agree.

    Raises:
        VersionRefused: It lacks labels, or agrees too little.
        UnexpectedReply: An answer of the new version is not valid.
        ClientError: It does not answer.
    """
    management = connection.management()
    labels = _labels_of(management.describe(connection.model, new, customized=True))
    try:
        former = _labels_of(management.describe(connection.model, old, customized=True))
    except ClientError:
        former = []  # the version in service may be so broken that it cannot tell
    lost = sorted(set(former) - set(labels))
    if lost and not checks.other_labels:
        raise VersionRefused(f"it lacks the labels {', '.join(lost)} (--other-labels allows it)")
    found = compare(connection.inference(new), connection.inference(old), checks.samples, labels)
    percent = f"{100 * found.agreement:.0f} %"
    if found.agreement < checks.min_agreement:
        raise VersionRefused(
            f"{found.agreeing} of {found.samples} pictures get the label that {old} gives "
            f"({percent}); at least {100 * checks.min_agreement:.0f} % are asked for "
            "(--min-agreement)"
        )
    return (
        f"valid answers; {found.agreeing} of {found.samples} pictures get the label that {old} "
        f"gives ({percent})"
    )


def watch(
    connection: Connection,
    new: ModelStatus,
    checks: Checks,
    metrics: MetricsClient,
    *,
    clock: Clock = MACHINE,
) -> None:
    """Ask the new default version, and look at its workers and at the failures of the server.

    Raises:
        VersionRefused: A worker ended, or requests failed.
        ClientError: It does not answer.
    """
    management, client = connection.management(), connection.inference()
    pids = {worker.pid for worker in new.workers}
    failed_before = _failures(metrics, new.name)
    end = clock.time() + checks.watch_s
    while clock.time() < end:
        clock.sleep(_POLL_S)
        for sample in checks.samples[:1]:
            client.predict(sample)
        workers = management.describe(new.name, new.version).workers
        if {worker.pid for worker in workers if worker.is_ready} != pids:
            raise VersionRefused("one of its workers ended")
        failures = _failures(metrics, new.name) - failed_before
        if failures > checks.max_failures:
            raise VersionRefused(f"{failures} answers were 5xx since it is the default")


def _failures(metrics: MetricsClient, model: str) -> int:
    try:
        return metrics.traffic(model).failed
    except InFlightUnknown:  # a server without counts; the other checks stand
        return 0


def _labels_of(status: ModelStatus) -> list[str]:
    metadata = status.metadata
    return list(metadata.get("labels", [])) if isinstance(metadata, dict) else []
