"""`autoscale`: adjusts the number of workers to the load until it is interrupted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from client.api.metrics import MetricsClient
from client.commands.arguments import count, positive
from client.commands.interruption import undo_on_sigterm
from client.commands.report import print_line
from client.errors import ClientError
from client.operations.autoscale_policy import Policy
from client.operations.autoscaling import Autoscaler
from client.operations.autoscaling import run as follow
from client.operations.model_store import find_model_store
from client.operations.run_lock import changing
from client.operations.scaling import scale_safely

if TYPE_CHECKING:
    import argparse

    from client.connection import Connection


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the target, and how often to check it."""
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
        "--interval", type=positive, default=5.0, metavar="SECONDS", help="between checks (5)"
    )
    parser.add_argument(
        "--calm-intervals",
        type=count,
        default=6,
        metavar="N",
        help="intervals below half the target after which to remove a worker (%(default)d)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def run(connection: Connection, options: argparse.Namespace) -> int:
    """Follow the load until interrupted."""
    if options.min > options.max:
        raise ClientError(f"--min {options.min} is above --max {options.max}")
    policy = Policy(
        options.min, options.max, options.target_queue_ms, calm_intervals=options.calm_intervals
    )
    management, metrics_url = connection.management(), connection.addresses.metrics
    store = find_model_store(connection.run_dir)

    def scale(workers: int) -> str:
        with changing(connection.run_dir):
            return scale_safely(management, metrics_url, connection.model, workers, store=store)

    autoscaler = Autoscaler(
        management,
        MetricsClient(metrics_url),
        connection.model,
        policy,
        scale=None if options.dry_run else scale,
        say=lambda words: print_line(f"{time.strftime('%H:%M:%S')} {words}"),
    )
    undo_on_sigterm()  # or a stand-in version would stay
    follow(autoscaler, options.interval)
    return 0
