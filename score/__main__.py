"""`make score`: classifies all photos in a folder or bucket into Parquet files."""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from archive.errors import ArchiveError
from classifier.cores import usable_cores
from classifier.errors import ClassifierError
from console.arguments import count
from console.ending import exit_code_of
from console.progress import show_log
from score.errors import ScoreError
from score.places import open_place
from score.plan import DONE_FILE, make_plan
from storage import StorageError, is_remote
from storage.locations import local_path

if TYPE_CHECKING:
    from score.plan import Plan


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m score", description=__doc__)
    parser.add_argument("--mar", type=Path, required=True, help="the archive to classify with")
    parser.add_argument("--input", required=True, help="folder, obs:// or s3:// URL with photos")
    parser.add_argument("--output", required=True, help="empty folder or URL, or one to resume")
    parser.add_argument("--workers", type=count, help="default: one for each core")
    parser.add_argument("--threads", type=count, default=1, help="cores per worker (%(default)s)")
    parser.add_argument(
        "--shard-size", type=count, default=2000, help="photos per file (%(default)s)"
    )
    options = parser.parse_args(arguments)
    show_log(logging.WARNING)
    return exit_code_of(
        lambda: _score(options),
        ScoreError,
        ArchiveError,
        ClassifierError,
        StorageError,
        after_interrupt="; run the same command to resume",
    )


def _score(options: argparse.Namespace) -> None:
    workers = options.workers or max(1, usable_cores() // options.threads)
    mar = options.mar.read_bytes()
    sha256 = hashlib.sha256(mar).hexdigest()
    with open_place(options.input) as source, open_place(options.output) as target:
        plan = make_plan(source, target, mar_sha256=sha256, shard_size=options.shard_size)
        if plan.missing:
            _run(plan, mar, sha256, options, workers)
        target.write(DONE_FILE, b"")
    print(f"{plan.photos:,} photos in {len(plan.shards)} files in {options.output}")


def _run(plan: Plan, mar: bytes, sha256: str, options: argparse.Namespace, workers: int) -> None:
    """Score the missing shards, and print the speed, including the start of Ray and workers."""
    from score.job import Done, run  # noqa: PLC0415  Ray takes seconds
    from score.worker import Work  # noqa: PLC0415

    missing = sum(len(shard.entries) for shard in plan.missing)
    if missing < plan.photos:
        print(f"{plan.photos - missing:,} of {plan.photos:,} photos are already done")
    began = time.monotonic()
    with tqdm(total=missing, unit="photo", disable=None) as bar:

        def tell(done: Done) -> None:
            bar.update(done.photos - bar.n)

        work = Work(mar, sha256, _whole(options.input), _whole(options.output), options.threads)
        done = run(plan, work, workers=workers, tell=tell)
    seconds = time.monotonic() - began
    print(
        f"{done.photos:,} photos, {done.errors:,} of them with an error, in {seconds:.0f} s on "
        f"{workers} workers: {done.photos / seconds:.0f} photos/s, "
        f"{1000 * done.cpu_seconds / done.photos:.1f} ms of CPU time each"
    )


def _whole(place: str) -> str:
    """Return a place in a form that works from any working directory."""
    return place if is_remote(place) else str(local_path(place).resolve())


if __name__ == "__main__":
    sys.exit(main())
