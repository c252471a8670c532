"""Faults of what is served: two deployments at once, and an archive that is swapped."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archive.seal import write_stamp
from bench.lab.errors import LoadFailed
from classifier.description import sha256_of_file
from client.api.management import ManagementClient
from client.operations.model_store import copy_as_version, stamp_of
from server.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.faults.scene import Scene
    from bench.faults.stage import Stage

VERSIONS = ("2.0", "3.0")


def deploy_twice(scene: Scene) -> None:
    """Deploy two versions at once: one takes over, the other one is refused; then go back."""
    stage = scene.stage
    with _offered(stage):
        scene.traffic.mark()
        deployments = {version: client(stage, "deploy", version) for version in VERSIONS}
        said = {version: each.communicate()[0] for version, each in deployments.items()}
        won = {version for version, each in deployments.items() if each.returncode == 0}
        lost = [text for version, text in said.items() if version not in won]
        if not (len(lost) == 1 and "is in use by process" in lost[0] and _served(stage) == won):
            raise LoadFailed(f"of two deployments, not one took over: {said}")
        back = client(stage, "rollback")
        text = back.communicate()[0]
        if back.returncode or _served(stage) & won:
            raise LoadFailed(f"the deployment was not taken back: {text}")


def swap_archive(scene: Scene) -> None:
    """Swap the archive after its check; let the next worker, and a second server, start."""
    stage = scene.stage
    (worker, *_) = stage.workers()
    with _swapped(stage.mar):
        scene.traffic.mark()
        worker.kill()
        scene.traffic.wait_until_well(scene.streak)
        refuse_second(stage, "not verified, or changed since", port=free_ports())


def refuse_second(stage: Stage, because: str, *, port: int | None = None) -> None:
    """Start a second server from a folder of its own, which must be refused and leave nothing.

    Args:
        stage: The first one.
        because: A part of the message.
        port: Of the second; None for the first one's.

    Raises:
        LoadFailed: It was not, or it did.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = stage.command(run_dir=Path(folder), port=port)
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if process.returncode != 1 or because not in process.stderr:
            raise LoadFailed(f"a second server was not refused: {process.stderr}")
        if list(Path(folder).iterdir()):
            raise LoadFailed("a second server, which was refused, left files behind")


def offer(stage: Stage, version: str) -> Path:
    """Put a copy of the archive into the store under another version; return its path."""
    mar = stage.mar.with_name(f"{stage.model}-{version}.mar")
    copy_as_version(stage.mar, version, mar)
    write_stamp(stamp_of(mar), mar, sha256_of_file(mar))
    return mar


@contextmanager
def _offered(stage: Stage) -> Iterator[None]:
    """Put the archive into the store under other versions."""
    archives = [offer(stage, version) for version in VERSIONS]
    try:
        yield
    finally:
        for mar in archives:
            mar.unlink()
            stamp_of(mar).unlink()


@contextmanager
def _swapped(mar: Path) -> Iterator[None]:
    """Replace an archive, but not its stamp."""
    kept = mar.rename(mar.with_name(f"kept-{mar.name}"))
    mar.write_bytes(b"swapped")
    try:
        yield
    finally:
        kept.replace(mar)


def client(stage: Stage, *arguments: str) -> subprocess.Popen[str]:
    """Start a command of the client."""
    where = ("--run-dir", str(stage.run.path), "--model", stage.model)
    return subprocess.Popen(  # noqa: S603  our own command line
        [sys.executable, "-m", "client", *arguments, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _served(stage: Stage) -> set[str]:
    """Return the versions that are registered."""
    management = ManagementClient(stage.addresses.management, tokens=stage.tokens())
    return {status.version for status in management.describe_all(stage.model)}
