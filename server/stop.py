"""Stops the server of a run folder, and nothing else."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import psutil

from client.api.addresses import addresses_from
from client.api.clock import MACHINE, Clock
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from client.errors import ClientError
from client.operations.idle import wait_until_idle
from client.run_record import read_run_record
from server.errors import Busy, StopError
from server.front import end_front
from server.leftovers import end_orphans
from server.ports import HOST
from server.processes import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client.api.addresses import Addresses
    from server.run_folder import RunFolder

logger = logging.getLogger(__name__)

_PATIENCE_S = 20.0  # for a process to exit by itself
_POLL_S = 0.2


def stop(
    folder: RunFolder, *, grace_s: float, insist: bool = False, clock: Clock = MACHINE
) -> bool:
    """Wait for requests in flight, then stop front and server; return whether one was running.

    Args:
        folder: Where the server runs.
        grace_s: Longest wait for requests in flight, in seconds. TorchServe itself would reset
            their connections at once.
        insist: Whether to wait as long for another process that is changing what is served, and
            then to stop anyway: a supervisor will soon kill this process.
        clock: Measures the waits.

    Raises:
        Busy: Another process is changing what is served.
        StopError: It does not exit.
    """
    if not folder.path.is_dir():
        return False
    with _locked(folder, clock, grace_s if insist else 0.0, insist=insist):
        return stop_locked(folder, grace_s=grace_s, clock=clock)


def stop_locked(folder: RunFolder, *, grace_s: float, clock: Clock = MACHINE) -> bool:
    """Stop as `stop` does; the caller holds the folder's lock."""
    running = folder.server()
    if not running:
        ended = end_orphans(folder)
        if folder.config.exists():
            folder.clear()
        else:  # no server was ever started here: `tmp` is not ours to remove
            folder.forget()
        return bool(ended)
    process, port = running
    # All requests come through the front: when it has ended in order, none is in flight.
    quiet = end_front(folder, grace_s)
    if quiet is None:
        quiet = _wait_for_requests(folder, _addresses(folder, port), process, grace_s, clock)
    if not quiet:
        logger.warning("stopping anyway: requests kept coming for %.0f s", grace_s)
    end(process, folder)
    return True


def end(process: psutil.Process, folder: RunFolder, patience_s: float = _PATIENCE_S) -> None:
    """End a front end, as `terminate` does, and clear its folder, unless another runs there."""
    end_front(folder, 0)
    terminate(process, patience_s)
    if not folder.server():
        folder.clear()


def clear_away(folder: RunFolder) -> None:
    """Remove what a server that ended by itself left, unless another runs there or is coming."""
    with contextlib.suppress(Busy), folder.locked():
        if not folder.server():
            end_orphans(folder)
            folder.clear()


@contextlib.contextmanager
def _locked(folder: RunFolder, clock: Clock, patience_s: float, *, insist: bool) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        busy: Busy | None = None
        for _ in clock.looks(patience_s, _POLL_S):
            try:
                stack.enter_context(folder.locked())
                busy = None
                break
            except Busy as error:
                busy = error
        if busy and not insist:
            raise busy
        if busy:
            logger.warning("stopping anyway: %s", busy)
        yield


def _addresses(folder: RunFolder, port: int) -> Addresses:
    record = read_run_record(folder.path)
    return record[0] if record else addresses_from(f"http://{HOST}:{port}")


def _wait_for_requests(
    folder: RunFolder, addresses: Addresses, process: psutil.Process, grace_s: float, clock: Clock
) -> bool:
    """Wait until nothing is in flight; for the whole grace where that cannot be seen."""
    tokens = Tokens(folder.key_file, addresses.management)
    client = ManagementClient(addresses.management, tokens=tokens, timeout_s=max(grace_s, 1.0))
    end, told = clock.time() + grace_s, False
    while True:
        left_s = max(0.0, end - clock.time())
        try:
            return wait_until_idle(client, addresses.metrics, deadline_s=left_s, clock=clock)
        except ClientError as error:
            if not told:
                logger.warning(
                    "cannot see whether requests are in flight, waiting %.0f s: %s", grace_s, error
                )
            told = True
            if not left_s or not is_alive(process):
                return True
            clock.sleep(min(_POLL_S, left_s))


def terminate(process: psutil.Process, patience_s: float = _PATIENCE_S) -> None:
    """Stop a front end and its workers: gracefully first, then by force.

    Args:
        process: The front end.
        patience_s: How long it may take to exit by itself, in seconds.

    Raises:
        StopError: A process does not exit, or belongs to another user.
    """
    workers: list[psutil.Process] = []
    try:
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = process.children(recursive=True)
            process.terminate()  # it stops its workers itself
        _, alive = psutil.wait_procs([process, *workers], timeout=patience_s)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()  # or it would start another worker
            alive += process.children(recursive=True)
        for survivor in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                survivor.kill()
        _, alive = psutil.wait_procs(alive, timeout=_PATIENCE_S)
    except psutil.AccessDenied as error:
        raise StopError(f"process {error.pid} belongs to another user") from error
    if alive:
        raise StopError(f"processes do not exit: {', '.join(str(p.pid) for p in alive)}")
