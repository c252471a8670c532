"""Which processes belong to a run folder, and whether one is still the one that was written down.

A process id is given to others in time. What tells them apart is when a process started, in ticks
of the kernel since boot, and which boot that was: neither moves when the clock is set, as the time
of day does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

FRONT_END = "org.pytorch.serve.ModelServer"
WORKER = "model_service_worker.py"
_PROC = Path("/proc")
_STATE, _START = 0, 19  # of the fields after the program's name, see proc_pid_stat(5)
_ENDED = ("Z", "X")  # zombies wait for their parent to ask, and run no more


@dataclass(frozen=True)
class Identity:
    """One process, distinguished from every other past or future one on this machine.

    Attributes:
        pid: Process id.
        start_ticks: When it started, in clock ticks since boot.
        boot_id: The kernel's random name of that boot.
    """

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return who has a process id now.

        Raises:
            ProcessLookupError: Nobody, or a process that has ended.
        """
        try:
            text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            boot_id = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError as error:
            raise ProcessLookupError(f"no process {pid}") from error
        # The name of the program, in brackets, may hold blanks and brackets.
        fields = text.rpartition(")")[2].split()
        if fields[_STATE] in _ENDED:
            raise ProcessLookupError(f"process {pid} has ended")
        return cls(pid, int(fields[_START]), boot_id)

    def process(self) -> psutil.Process | None:
        """Return the process; None if it has exited, even if its id is in use again."""
        try:
            return psutil.Process(self.pid) if Identity.of(self.pid) == self else None
        except (ProcessLookupError, psutil.Error):
            return None


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs, and has not only not been asked for its exit code."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(program: str, path: str) -> Iterator[psutil.Process]:
    """Yield the processes of a program whose command names a path, or one that begins with it."""
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        is_program = any(word.endswith(program) for word in command)
        if is_program and any(word.startswith(path) for word in command):
            yield process
