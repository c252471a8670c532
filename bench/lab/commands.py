"""Runs a command to its end: what it printed, or an error that ends with its last words."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from bench.lab.errors import BenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LAST_WORDS = 800  # characters


def output_of(  # noqa: PLR0913
    command: Sequence[str | Path],
    failure: str,
    error: type[BenchError] = BenchError,
    *,
    timeout_s: float,
    given: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a command line of ours; return what it printed.

    Args:
        command: The program and its arguments.
        failure: What to say if it fails, such as "wrk failed".
        error: What that is.
        timeout_s: Longest time that it may take, in seconds.
        given: What it reads.
        environment: All of its environment variables; None for ours.
        folder: Where it runs; None for here.

    Raises:
        BenchError: It failed; an `error`.
    """
    process = subprocess.run(  # noqa: S603  our own command lines
        command,
        input=given,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if process.returncode:
        raise error(f"{failure}: {process.stderr.strip()[-_LAST_WORDS:]}")
    return process.stdout
