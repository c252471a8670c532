"""The commands that change a server over minutes: deploy, rollback, autoscale, with their options.

Not responsible for how: see `client.rollout` and `client.autoscaling`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from client.acceptance import Checks
from client.arguments import count, positive, share, whole
from client.autoscale_policy import Policy
from client.autoscaling import Autoscaler, run
from client.comparison import choose_samples
from client.errors import ClientError, LocalFileError
from client.interruption import undo_on_sigterm
from client.metrics import MetricsClient
from client.model_store import find_model_store
from client.rollout import Rollout, former_release
from client.rollout_record import Release
from client.scaling import scale_safely

if TYPE_CHECKING:
    import argparse

    from client.commands import Connection

_MOST_SAMPLES = 40


def add_deploy_options(parser: argparse.ArgumentParser) -> None:
    """Add what a new version is, and what it must hold."""
    parser.add_argument("version", metavar="VERSION", help="as in the archive's manifest")
    parser.add_argument(
        "--archive", help="file in the model store (the model's name, a dash, VERSION, .mar)"
    )
    parser.add_argument(
        "--min-agreement",
        type=share,
        default=0.5,
        metavar="SHARE",
        help="smallest share of the samples with the same label as before, 0 to 1 (%(default)g)",
    )
    parser.add_argument(
        "--other-labels", action="store_true", help="it may lack labels of the version in service"
    )
    add_rollback_options(parser)


def add_rollback_options(parser: argparse.ArgumentParser) -> None:
    """Add what is asked before and watched after the switch."""
    parser.add_argument(
        "--samples",
        nargs="+",
        type=Path,
        default=[],
        metavar="PATH",
        help=f"photos to ask both versions for; of a folder, up to {_MOST_SAMPLES}",
    )
    parser.add_argument(
        "--watch", type=positive, default=5.0, metavar="SECONDS", help="watch it (%(default)g)"
    )
    parser.add_argument(
        "--max-failures",
        type=whole,
        default=0,
        metavar="N",
        help="go back if the server answers more requests with 5xx meanwhile (%(default)d)",
    )


def add_autoscale_options(parser: argparse.ArgumentParser) -> None:
    """Add what to aim at, and how often to look."""
    parser.add_argument("--min", type=count, default=1, help="fewest workers (%(default)d)")
    parser.add_argument("--max", type=count, default=4, help="most workers (%(default)d)")
    parser.add_argument(
        "--target-queue-ms",
        type=positive,
        default=50.0,
        metavar="MS",
        help="mean time in the queue above which workers are added (%(default)g)",
    )
    parser.add_argument(
        "--interval", type=positive, default=5.0, metavar="SECONDS", help="between looks (5)"
    )
    parser.add_argument(
        "--calm-intervals",
        type=count,
        default=6,
        metavar="N",
        help="intervals below half the target after which a worker goes (%(default)d)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, only")


def deploy(connection: Connection, options: argparse.Namespace) -> int:
    """Bring a new version into service."""
    undo_on_sigterm()
    archive = options.archive or f"{connection.model}-{options.version}.mar"
    checks = _checks(options, options.min_agreement, other_labels=options.other_labels)
    Rollout(connection, Release(options.version, archive), checks, _say).run()
    _say(
        f"serving {connection.model} {options.version}; `make rollback` returns, and once stopped, "
        f"`make serve VERSION={options.version}` starts with it"
    )
    return 0


def rollback(connection: Connection, options: argparse.Namespace) -> int:
    """Return to the version before; it may answer as differently as it did."""
    undo_on_sigterm()
    checks = _checks(options, 0.0, other_labels=True)
    former = former_release(connection)
    Rollout(connection, former, checks, _say).run()
    _say(f"serving {connection.model} {former.version} from {former.archive}")
    return 0


def autoscale(connection: Connection, options: argparse.Namespace) -> int:
    """Follow the load until interrupted."""
    if options.min > options.max:
        raise ClientError(f"--min {options.min} is above --max {options.max}")
    policy = Policy(
        options.min, options.max, options.target_queue_ms, calm_intervals=options.calm_intervals
    )
    management, metrics_url = connection.management(), connection.addresses.metrics
    store = find_model_store(connection.run_dir)

    def scale(workers: int) -> str:
        return scale_safely(management, metrics_url, connection.model, workers, store=store)

    autoscaler = Autoscaler(
        management,
        MetricsClient(metrics_url),
        connection.model,
        policy,
        scale=None if options.dry_run else scale,
        say=lambda words: _say(f"{time.strftime('%H:%M:%S')} {words}"),
    )
    undo_on_sigterm()  # or a version that stands in would not step back
    run(autoscaler, options.interval)
    return 0


def _checks(options: argparse.Namespace, min_agreement: float, *, other_labels: bool) -> Checks:
    samples = choose_samples(options.samples, _MOST_SAMPLES)
    for sample in samples:
        if not sample.is_file():
            raise LocalFileError(f"{sample}: there is no such file")
    return Checks(samples, min_agreement, other_labels, options.watch, options.max_failures)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()
