"""The checks that a new version of a model must pass, before and shortly after it takes over.

If it fails them, `client.operations.rollout` restores the old version.
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
_FOLDERS_NAMED = 3


@dataclass(frozen=True)
class Checks:
    """What a new version must satisfy.

    Attributes:
        samples: Photos for both versions to classify.
        min_agreement: Smallest share of them with the same label from both, 0..1.
        other_labels: Whether it may lack labels of the old version.
        watch_s: How long to watch it after the switch, seconds.
        max_failures: Most 5xx answers of the whole server meanwhile.
    """

    samples: Sequence[Path] = ()
    min_agreement: float = 0.0
    other_labels: bool = False
    watch_s: float = 5.0
    max_failures: int = 0


def check_answers(connection: Connection, new: str, old: str, checks: Checks) -> str:
    """Compare the answers of a new version and the one in service; return a summary.

    Raises:
        VersionRefused: It lacks labels, agrees too little, or no sample could be compared.
        UnexpectedReply: An answer of the new version is not valid.
        ClientError: It does not answer.
    """
    management = connection.management()
    labels = _labels_of(management.describe(connection.model, new, customized=True))
    try:
        former = _labels_of(management.describe(connection.model, old, customized=True))
    except ClientError:
        former = []  # the version in service may be too broken to answer
    lost = sorted(set(former) - set(labels))
    if lost and not checks.other_labels:
        raise VersionRefused(f"it lacks the labels {', '.join(lost)} (--other-labels allows it)")
    found = compare(connection.inference(new), connection.inference(old), checks.samples, labels)
    if found.agreement is None:
        return _nothing_compared(checks)
    percent = f"{100 * found.agreement:.0f} %"
    if found.agreement < checks.min_agreement:
        raise VersionRefused(
            f"{found.agreeing} of {found.samples} pictures get the label that {old} gives "
            f"({percent}); at least {100 * checks.min_agreement:.0f} % are required "
            "(--min-agreement)"
        )
    return (
        f"valid answers; {found.agreeing} of {found.samples} pictures get the label that {old} "
        f"gives ({percent}; compared on {_named(checks.samples)})"
    )


def _named(samples: Sequence[Path]) -> str:
    """Name the pictures that were compared: the folders that they are in, or the only one."""
    if len(samples) == 1:
        return str(samples[0])
    folders = list(dict.fromkeys(str(sample.parent) for sample in samples))
    rest = (
        f" and {len(folders) - _FOLDERS_NAMED} more folders"
        if len(folders) > _FOLDERS_NAMED
        else ""
    )
    return ", ".join(folders[:_FOLDERS_NAMED]) + rest


def _nothing_compared(checks: Checks) -> str:
    if not checks.samples:
        return "no answers were compared, as no photos were named (--samples)"
    problem = f"no answers were compared, as both versions refuse all {len(checks.samples)} samples"
    if checks.min_agreement:
        raise VersionRefused(f"{problem}; name photos that the model accepts (--samples)")
    return problem


def watch(
    connection: Connection,
    new: ModelStatus,
    checks: Checks,
    metrics: MetricsClient,
    *,
    clock: Clock = MACHINE,
) -> None:
    """Watch the new default version: its answers, its workers and the server's failures.

    Raises:
        VersionRefused: A worker died, or requests failed.
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
            raise VersionRefused("one of its workers died")
        failures = _failures(metrics, new.name) - failed_before
        if failures > checks.max_failures:
            raise VersionRefused(f"{failures} answers were 5xx since it became the default")


def _failures(metrics: MetricsClient, model: str) -> int:
    try:
        return metrics.traffic(model).failed
    except InFlightUnknown:  # a server without counts; the other checks still apply
        return 0


def _labels_of(status: ModelStatus) -> list[str]:
    metadata = status.metadata
    return list(metadata.get("labels", [])) if isinstance(metadata, dict) else []
