"""Classifies files without a server: the reference for all servers' answers.

`python -m bench.speed.answers` reads a JSON list of paths and prints the answers in that order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.lab.peers import models


def main() -> int:
    """Classify the files named on standard input."""
    paths = json.load(sys.stdin)
    classify = models.load()
    answers: list[models.Answer] = []
    for start in range(0, len(paths), models.MAX_BATCH_SIZE):
        batch = paths[start : start + models.MAX_BATCH_SIZE]
        answers += classify([Path(path).read_bytes() for path in batch])
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
