"""Runs a command: returns its output, or raises an error that ends with its last output."""

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
    """Run one of our own command lines; return its output.

    Args:
        command: The program and its arguments.
        failure: Message if it fails, such as "wrk failed".
        error: Type of that error.
        timeout_s: Longest run time, in seconds.
        given: Its standard input.
        environment: All of its environment variables; None for ours.
        folder: Its working directory; None for ours.

    Raises:
        BenchError: It failed; of type `error`.
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
