"""Checks the load generator: how fast it is by itself, and what wrk measures."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lab.commands import output_of
from bench.lab.errors import LoadFailed
from bench.lab.generator import generate
from bench.lab.processes import end, launch
from server.ports import HOST, free_ports

if TYPE_CHECKING:
    from bench.lab.load import Load

_SCRIPT = Path(__file__).with_name("wrk.lua")
_START_S = 10.0


def against_instant_server(load: Load, folder: Path) -> dict[str, float]:
    """Load a server that answers at once, to find the generator's own limit.

    Both share the cores, so the generator alone could do more.
    """
    port = free_ports()
    server = launch([sys.executable, "-m", "bench.speed.instant", str(port)], folder, {})
    try:
        _wait_for_port(port)
        run = generate(replace(load, port=port), server="the instant server")
    finally:
        end(server)
    return {"throughput": run.throughput, "p50_ms": run.p50_ms, "generator_cpu": run.generator_cpu}


def with_wrk(load: Load, folder: Path) -> dict[str, float] | None:
    """Put the same load on a server with wrk; None if wrk is not installed.

    Raises:
        LoadFailed: wrk saw an error.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    bodies = folder / "bodies.txt"
    bodies.write_text("".join(f"{body}\n" for body in load.bodies), encoding="utf-8")
    seconds = max(1, round(load.seconds + load.warm_up_s))
    printed = output_of(
        [
            *(wrk, "-t1", f"-c{load.clients}", f"-d{seconds}s", "--timeout", "60s"),
            *("-s", str(_SCRIPT)),
            *(part for header in load.headers.items() for part in ("-H", ": ".join(header))),
            f"http://{load.host}:{load.port}{load.path}",
        ],
        "wrk failed",
        LoadFailed,
        environment=os.environ | {"BENCH_BODIES": str(bodies)},
        timeout_s=seconds + 120,
    )
    result: dict[str, float] = json.loads(printed.splitlines()[-1])
    if result["errors"]:
        raise LoadFailed(f"wrk saw {result['errors']:.0f} errors")
    return result


def _wait_for_port(port: int) -> None:

    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise LoadFailed("the instant server does not start")
