"""The faults: how to inject each, and what that requires.

A fault is injected while clients send requests; it returns when only waiting remains.
"""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from bench.faults import disk
from bench.faults.burst import burst
from bench.faults.releases import deploy_twice, refuse_second, swap_archive
from bench.lab.errors import LoadFailed
from server.ports import HOST
from server.properties import get_properties

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.faults.scene import Scene

BURST_FACTOR = 10  # multiple of the job queue's length
_LOGS_S, _POLL_S = 60.0, 0.05
_JUMP = timedelta(hours=2)  # longer than any token's lifetime
_STEP = timedelta(hours=1)

Need = Literal["clock", "disk", "boot", "model-api"]
NEEDS: tuple[Need, ...] = get_args(Need)


@dataclass(frozen=True)
class Fault:
    """One way to break a server.

    Attributes:
        name: Short; names results and tests.
        title: What is done, for people.
        make: Injects it; calls `traffic.mark`.
        needs: What it needs besides a server.
    """

    name: str
    title: str
    make: Callable[[Scene], None]
    needs: Need | None = None


def kill_worker(scene: Scene) -> None:
    """Kill a worker while it works."""
    (worker, *_) = scene.stage.workers()
    scene.traffic.mark()
    worker.kill()


def hang_worker(scene: Scene) -> None:
    """Suspend a worker: it no longer answers, but its process is still there."""
    (worker, *_) = scene.stage.workers()
    worker.send_signal(signal.SIGSTOP)
    scene.traffic.mark()


def kill_server(scene: Scene) -> None:
    """Kill the front end; the supervisor starts another server."""
    front_end = scene.stage.front_end
    scene.traffic.mark()
    front_end.kill()
    scene.stage.supervisor.wait_until_ready()


def restart(scene: Scene) -> None:
    """Stop the server properly, and start it again."""
    scene.traffic.mark()
    scene.stage.supervisor.restart()


def fill_disk(scene: Scene) -> None:
    """Fill the run folder's disk completely; renew a token while it is full."""
    stage = scene.stage
    scene.traffic.mark()
    with disk.full(stage.run.path):
        tokens = stage.tokens()
        tokens.replace("inference", tokens.current("inference"))
        scene.traffic.wait_until_well(scene.streak)
        log = stage.run.logs / "access.log"
        size = log.stat().st_size
    end = time.monotonic() + _LOGS_S
    while log.stat().st_size <= size:
        if time.monotonic() > end:
            raise LoadFailed(f"{log}: no line came after the disk had room again")
        time.sleep(_POLL_S)


def kill_worker_on_full_disk(scene: Scene) -> None:
    """Kill a worker while its successor finds no space in the run folder."""
    with disk.full(scene.stage.run.path):
        kill_worker(scene)
        scene.traffic.wait_until_well(scene.streak)


def take_port(scene: Scene) -> None:
    """Start a second server on the first one's port."""
    scene.traffic.mark()
    refuse_second(scene.stage, f"port {scene.stage.port} is taken")


def jump_ahead(scene: Scene) -> None:
    """Set the clock two hours ahead: every token has expired."""
    _set_clock(scene, _JUMP)


def jump_back(scene: Scene) -> None:
    """Set the clock two hours back: the server is in the past of its tokens."""
    _set_clock(scene, -_JUMP)


def move_boot_time(scene: Scene) -> None:
    """Move the boot time by an hour, as a clock that is set does; start again from the folder.

    The server must go on, its supervisor's command too.
    """
    stage, running = scene.stage, scene.stage.front_end
    assert stage.boot is not None, "a fault that needs a boot time has one"  # noqa: S101
    scene.traffic.mark()
    stage.boot.move(_STEP)
    try:
        process = subprocess.run(stage.command(), capture_output=True, text=True, check=False)  # noqa: S603
        if "a server is already running" not in process.stderr:
            raise LoadFailed(f"a start on a running server was not refused: {process.stderr}")
        scene.traffic.wait_until_well(scene.streak)
        if stage.front_end.pid != running.pid:
            raise LoadFailed("the server was started again")
    finally:
        stage.boot.move(timedelta())


def burst_of_requests(scene: Scene) -> None:
    """Send ten times as many requests at once as fit into the queue."""
    stage = scene.stage
    queue = int(get_properties(stage.run.config.read_text(encoding="utf-8"))["job_queue_size"])
    headers = {"Authorization": f"Bearer {stage.tokens().current('inference')}"}
    path = f"/predictions/{stage.model}"
    scene.traffic.mark()
    answers = burst((HOST, stage.port), path, headers, scene.photos, BURST_FACTOR * queue)
    scene.traffic.add(answers)


def _set_clock(scene: Scene, offset: timedelta) -> None:
    clock = scene.stage.clock
    assert clock is not None, "a fault that needs a clock has one"  # noqa: S101
    scene.traffic.mark()
    clock.jump(offset)


FAULTS = (
    Fault("worker-killed", "kill -9 of the worker", kill_worker),
    Fault("worker-hung", "kill -STOP of the worker", hang_worker),
    Fault("server-killed", "kill -9 of Java, under a supervisor", kill_server),
    Fault("restart", "stop and start", restart),
    Fault("disk-full", "disk full in the run folder, a token renewed", fill_disk, "disk"),
    Fault("disk-full-kill", "kill -9 of the worker, disk full", kill_worker_on_full_disk, "disk"),
    Fault("port-taken", "a second server on the same port", take_port),
    Fault("clock-ahead", "clock set 2 hours ahead", jump_ahead, "clock"),
    Fault("clock-back", "clock set 2 hours back", jump_back, "clock"),
    Fault("boot-time", "the boot time moves by an hour, a second start", move_boot_time, "boot"),
    Fault("deployments", "two deployments at once, and a rollback", deploy_twice, "model-api"),
    Fault("archive-swapped", "the archive swapped, kill -9 of the worker", swap_archive),
    Fault("burst", "a burst of ten times the job queue", burst_of_requests),
)
