"""Stops the server of a run folder, and nothing else."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import psutil

from client.api.addresses import addresses_from
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from client.errors import ClientError
from client.operations.idle import wait_until_idle
from client.run_record import read_run_record
from server.errors import StopError
from server.leftovers import end_orphans
from server.ports import HOST

if TYPE_CHECKING:
    from client.api.addresses import Addresses
    from server.run_folder import RunFolder

logger = logging.getLogger(__name__)

_PATIENCE_S = 20.0  # for a process to end by itself


def stop(folder: RunFolder, *, grace_s: float) -> bool:
    """Wait for requests in flight, then end the server; whether one was running.

    Args:
        folder: Where the server runs.
        grace_s: Longest wait for requests in flight, in seconds. TorchServe itself would reset
            their connections at once.

    Raises:
        StopError: It does not end.
    """
    if not folder.path.is_dir():
        return False
    with folder.locked():  # what is being started just now is on record after that
        running = folder.server()
        if not running:
            folder.forget()
            return bool(end_orphans(folder))
    process, port = running
    if not _wait_for_requests(folder, _addresses(folder, port), grace_s):
        logger.warning("stopping all the same: requests kept coming for %.0f s", grace_s)
    end(process, folder)
    return True


def end(process: psutil.Process, folder: RunFolder, patience_s: float = _PATIENCE_S) -> None:
    """End a front end, as `terminate` does, and clear its folder, unless another runs there."""
    with folder.locked():
        terminate(process, patience_s)
        if not folder.server():
            folder.clear()


def _addresses(folder: RunFolder, port: int) -> Addresses:
    record = read_run_record(folder.path)
    return record[0] if record else addresses_from(f"http://{HOST}:{port}")


def _wait_for_requests(folder: RunFolder, addresses: Addresses, grace_s: float) -> bool:
    management = addresses.management
    client = ManagementClient(management, tokens=Tokens(folder.key_file, management))
    try:
        return wait_until_idle(client, addresses.metrics, deadline_s=grace_s)
    except ClientError as error:
        logger.warning("cannot see whether requests are in flight: %s", error)
        return True


def terminate(process: psutil.Process, patience_s: float = _PATIENCE_S) -> None:
    """End a front end and its workers: politely first, then by force.

    Args:
        process: The front end.
        patience_s: How long it may take to end by itself, in seconds.

    Raises:
        StopError: A process does not end, or belongs to somebody else.
    """
    workers: list[psutil.Process] = []
    try:
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = process.children(recursive=True)
            process.terminate()  # it ends its workers itself
        _, alive = psutil.wait_procs([process, *workers], timeout=patience_s)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()  # or it would start another worker behind our back
            alive += process.children(recursive=True)
        for survivor in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                survivor.kill()
        _, alive = psutil.wait_procs(alive, timeout=_PATIENCE_S)
    except psutil.AccessDenied as error:
        raise StopError(f"process {error.pid} belongs to somebody else") from error
    if alive:
        raise StopError(f"processes do not end: {', '.join(str(p.pid) for p in alive)}")
