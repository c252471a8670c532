"""What decoding and inference cost in CPU time, without a server.

`python -m bench.speed.cost` reads a JSON list of paths and prints CPU milliseconds per photo. What
a worker uses beyond these goes into the rest of its work: sockets, requests, replies, Python.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from bench.lab.peers import models
from bench.lab.peers.pipeline import Pipeline

_REPEATS = 3


def main() -> int:
    """Measure on the files named on standard input."""
    files = [Path(path).read_bytes() for path in json.load(sys.stdin)]
    pipeline = Pipeline(models.threads())
    decode_ms, pixels = [], []
    for _ in range(_REPEATS):
        start = time.thread_time()
        pixels = [pipeline.decode(file) for file in files]
        decode_ms.append(1000 * (time.thread_time() - start) / len(files))
    costs = {"decode_ms": float(np.median(decode_ms))}
    for size in (1, 4, 8, models.MAX_BATCH_SIZE):
        batches = [pixels[i : i + size] for i in range(0, len(pixels) - size + 1, size)]
        start = time.process_time()
        for batch in batches:
            pipeline.classify(batch)
        costs[f"inference_ms_batch_{size}"] = (
            1000 * (time.process_time() - start) / (size * len(batches))
        )
    json.dump(costs, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
