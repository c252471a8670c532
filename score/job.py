"""The job on Ray Data: long-lived workers take shards and return summaries."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ray
import ray.data
from ray.exceptions import RayError

from score.errors import ScoreError
from score.worker import Work, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from score.plan import Plan


@dataclass
class Done:
    """The progress so far.

    Attributes:
        photos: How many were classified, or have an error.
        errors: How many have an error.
        cpu_seconds: CPU time of reading, decoding and classifying, in seconds.
    """

    photos: int = 0
    errors: int = 0
    cpu_seconds: float = 0.0


def run(plan: Plan, work: Work, *, workers: int, tell: Callable[[Done], None]) -> Done:
    """Score the missing shards, on the cluster in RAY_ADDRESS or else on this machine.

    A worker that dies is replaced, and its shard is repeated.

    Args:
        plan: The shards.
        work: What all workers share.
        workers: How many.
        tell: Called with the progress as it grows.

    Raises:
        ScoreError: Ray gave up; completed shards are kept.
    """
    done = Done()
    try:
        _connect(cores=workers * work.threads)
    except Exception as error:  # Ray's own have no common base here
        raise ScoreError(
            f"Ray does not start: {error} Its processes have half a minute for it, which is too "
            "short on a machine that is busy with other work; try again"
        ) from error
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        shards = ray.data.from_items(
            [shard.as_row() for shard in plan.missing], override_num_blocks=len(plan.missing)
        )
        summaries = shards.map_batches(
            Worker,
            fn_constructor_args=(work,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=work.threads,
        )
        for summary in summaries.iter_rows():
            done.photos += int(summary["photos"])
            done.errors += int(summary["errors"])
            done.cpu_seconds += float(summary["cpu_seconds"])
            tell(done)
    except RayError as error:
        first = str(error).strip().splitlines()[-1:]
        raise ScoreError(
            f"{done.photos:,} photos are done, then Ray gave up: {' '.join(first)}; "
            "run the same command to resume"
        ) from error
    finally:
        ray.shutdown()
    return done


def _connect(cores: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if os.environ.get("RAY_ADDRESS"):
        ray.init(logging_level=logging.WARNING)
        return
    # Shards are names, summaries are numbers: only the archive passes through Ray's memory.
    ray.init(
        address="local",
        num_cpus=cores,
        object_store_memory=256 * 2**20,
        include_dashboard=False,
        logging_level=logging.WARNING,
        log_to_driver=False,
    )
