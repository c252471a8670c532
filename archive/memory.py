"""Measures the memory of a process that computes with a form of the network and does nothing else.

In a process of its own: this one has imported PyTorch, and a worker does not.
"""

from __future__ import annotations

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from classifier.cores import usable_cores
from classifier.runtimes import load_runtime

_BATCH_SIZE = 16
_STATUS = Path("/proc/self/status")


def memory_of(runtime: str, model_file: Path, size: int) -> int:
    """Return the most memory that loading a form and computing a batch took, in bytes.

    Args:
        runtime: One of `classifier.runtimes.RUNTIMES`.
        model_file: The file that it loads.
        size: Side of the pictures in pixels.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
        return process.submit(_memory_here, runtime, model_file, size).result()


def _memory_here(runtime: str, model_file: Path, size: int) -> int:
    loaded = load_runtime(runtime, model_file, threads=usable_cores())
    loaded.infer(np.zeros((_BATCH_SIZE, size, size, 3), np.uint8))
    peak = re.search(r"VmHWM:\s*(\d+) kB", _STATUS.read_text())
    if peak is None:
        raise OSError(f"{_STATUS} has no VmHWM")
    return 1024 * int(peak[1])
