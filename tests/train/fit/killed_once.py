"""`python -m train`, whose last process is killed before the third epoch, the first time."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np

from train import world
from train.__main__ import main
from train.evaluation import files
from train.fit import loop
from train.fit.engine import train_epoch


def _die_before_the_third(*arguments: object) -> object:
    first_time = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if first_time and arguments[-1] == 2 and world.rank() == world.size() - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_epoch(*arguments)  # type: ignore[arg-type]


if __name__ == "__main__":
    # The page is not the matter here.
    files.write_analysis = lambda *_, **__: None  # type: ignore[attr-defined]
    files.measure_photos = lambda photos: np.zeros((len(photos), 6))  # type: ignore[attr-defined]
    loop.train_epoch = _die_before_the_third  # type: ignore[assignment, attr-defined]
    sys.exit(main())
