"""`python -m train`, whose last process is killed before the third epoch, the first time."""

from __future__ import annotations

import os
import signal
import sys

from train import world
from train.__main__ import main
from train.fit import loop

_run_epoch = loop._run_epoch  # noqa: SLF001


def _die_before_the_third(*arguments: object) -> object:
    first_time = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    if first_time and arguments[-1] == 2 and world.rank() == world.size() - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return _run_epoch(*arguments)  # type: ignore[arg-type]


if __name__ == "__main__":
    loop._run_epoch = _die_before_the_third  # type: ignore[assignment]  # noqa: SLF001
    sys.exit(main())
