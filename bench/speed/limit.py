"""What the model and the decoding can do on these cores without any server.

`processes`: one process per core, each decoding a batch and then classifying it on one thread; no
core ever waits for another. `pipelined`: one process that decodes the next batch in a pool while
the network classifies this one on all cores. The faster of the two is the limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lab.peers import models
from bench.lab.peers.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.synchronize import Barrier

MODES = ("processes", "pipelined")
_WARM_UP_S = 1.0


def main(arguments: list[str] | None = None) -> int:
    """Repeatedly classify the files named on standard input as JSON; print photos/s."""
    parser = argparse.ArgumentParser(prog="python -m bench.speed.limit", description=__doc__)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cores", type=int, required=True)
    options = parser.parse_args(arguments)
    files = [Path(path).read_bytes() for path in json.load(sys.stdin)]
    measure = _processes if options.mode == "processes" else _pipelined
    json.dump(measure(files, options.seconds, options.cores), sys.stdout)
    return 0


def _processes(files: Sequence[bytes], seconds: float, cores: int) -> float:
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(cores)
    with context.Pool(cores, _remember, (ready, files, seconds)) as pool:
        return sum(pool.map(_one_process, range(cores), chunksize=1))


def _remember(ready: Barrier, files: Sequence[bytes], seconds: float) -> None:
    globals()["_inherited"] = ready, files, seconds


def _one_process(number: int) -> float:
    ready, files, seconds = globals()["_inherited"]
    model = models.open_model(threads=1)
    batches = _batches(files, skip=number * len(files) // 2)
    ready.wait()
    begin = time.perf_counter() + _WARM_UP_S
    photos = 0
    while (now := time.perf_counter()) < begin + seconds:
        batch = next(batches)
        model.classify(batch)
        photos += len(batch) if now >= begin else 0
    return photos / (time.perf_counter() - begin)


def _pipelined(files: Sequence[bytes], seconds: float, cores: int) -> float:
    pipeline = Pipeline(cores)
    batches = _batches(files)
    with ThreadPoolExecutor(cores) as pool:
        coming = pool.map(pipeline.decode, next(batches))
        begin = time.perf_counter() + _WARM_UP_S
        photos = 0
        while (now := time.perf_counter()) < begin + seconds:
            pixels = list(coming)
            coming = pool.map(pipeline.decode, next(batches))
            pipeline.classify(pixels)
            photos += len(pixels) if now >= begin else 0
        return photos / (time.perf_counter() - begin)


def _batches(files: Sequence[bytes], skip: int = 0) -> Iterator[list[bytes]]:
    endless = itertools.islice(itertools.cycle(files), skip, None)
    while True:
        yield list(itertools.islice(endless, models.MAX_BATCH_SIZE))


if __name__ == "__main__":
    sys.exit(main())
