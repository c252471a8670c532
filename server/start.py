"""Starts a TorchServe with a verified archive, and the front before it.

It returns once a real prediction has come through both.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from classifier.cores import usable_cores
from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.addresses import Addresses
from client.api.inference import InferenceClient
from client.api.management import ManagementClient
from client.api.tokens import Tokens
from client.api.trust import Trust
from client.errors import ClientError
from client.operations.model_store import CONFIG_NAME, copy_verified, is_verified, stamp_of
from client.operations.starting import start_workers
from server import diagnosis
from server.errors import StartError
from server.front import ServerFront
from server.java import find_java_home
from server.leftovers import end_orphans
from server.ports import HOST, Ports, check_free
from server.processes import is_alive
from server.profiles import Profile
from server.properties import get_properties
from server.sizes import sizes_for, usable_memory
from server.stop import end, stop_locked
from server.tls import KeyPair, check_given, make_certificate

if TYPE_CHECKING:
    from server.run_folder import RunFolder

logger = logging.getLogger(__name__)

CONFIG = Path(__file__).parent.parent / "config"
_POLL_S = 0.1
_WORKERS = 2
_TRACEBACK_S = 5.0  # longest wait for the traceback of a worker that died


@dataclass(frozen=True)
class Options:
    """What to serve and how.

    Attributes:
        mar: The archive; `<mar>.sha256` beside it is the stamp of its verification.
        model_name: Name under which it is served.
        ports: Where to listen.
        workers: How many workers; None for two, or the archive's `minWorkers` if that
            is more.
        profile: Who can reach it, and over which protocols.
        model_api: Whether models can be registered and unregistered through the management API.
        deadline_s: Longest wait for the first prediction, in seconds.
        clients: Folder with more keys of clients, one a file, than `RUN_DIR/clients`.
    """

    mar: Path
    model_name: str
    ports: Ports
    workers: int | None = None
    profile: Profile = field(default_factory=Profile)
    model_api: bool = False
    deadline_s: float = 120.0
    clients: Path | None = None

    @property
    def addresses(self) -> Addresses:
        """The APIs' addresses from this machine."""
        profile, ports = self.profile, self.ports
        return Addresses(
            inference=f"{profile.scheme}://{profile.local_host}:{ports.inference}",
            management=f"http://{HOST}:{ports.management}",
            metrics=f"http://{profile.local_metrics_host}:{ports.metrics}",
        )


def start(
    options: Options, folder: RunFolder, *, restart_grace_s: float | None = None
) -> ServerFront:
    """Start the server and wait until it answers; return its front.

    Args:
        options: What to serve and how.
        folder: Where to.
        restart_grace_s: Stop a server that runs there, once all is ready for the next one, and wait
            so long for its requests, in seconds; None refuses.

    Raises:
        StartError: It could not be started; nothing was left running.
        Busy: Somebody is changing what is served from this folder.
    """
    if restart_grace_s is None:
        _check_none_runs(folder)
    _check_verified(options.mar)
    java_home = find_java_home()
    folder.check_own()
    with folder.locked():
        if restart_grace_s is not None:
            stop_locked(folder, grace_s=restart_grace_s)
        process, front = _begin(options, folder, java_home)
        try:
            workers = _wait_for_prediction(options, front, process)
            start_workers(_management(options, folder), options.model_name, workers)
        except BaseException as error:
            # A server that keeps restarting its workers does not exit by itself.
            end(process, folder, patience_s=1)
            if isinstance(error, ClientError):
                raise StartError(f"not all workers have started: {error}") from error
            raise
    return front


def _management(options: Options, folder: RunFolder) -> ManagementClient:
    url = options.addresses.management
    return ManagementClient(url, tokens=Tokens(folder.key_file, url))


def _begin(
    options: Options, folder: RunFolder, java_home: Path
) -> tuple[psutil.Process, ServerFront]:
    """Start TorchServe and record it; return its process, and its front, which is to be started."""
    _check_none_runs(folder)
    if orphans := end_orphans(folder):
        logger.warning("killed processes left by a dead server: %s", orphans)
    check_free(options.ports, options.profile.host)
    shutil.rmtree(folder.logs, ignore_errors=True)
    folder.clear()
    folder.create()
    pair = _key_pair(options.profile, folder)
    folder.config.write_text(_config(options, folder), encoding="utf-8")
    front = ServerFront(folder, options.ports, options.profile, pair, options.clients)
    try:
        front.check_keys()
        _copy_archive(options, folder)
        process = _launch(options, folder, java_home)
        certificate = pair.certificate if pair else None
        folder.record(
            process, options.ports.inference, options.addresses, certificate, options.mar.parent
        )
    except BaseException:
        end_orphans(folder)  # Ctrl-C may come when the front end runs but is not yet recorded
        folder.clear()
        raise
    return process, front


def _check_none_runs(folder: RunFolder) -> None:
    if running := folder.server():
        raise StartError(
            f"a server is already running from {folder.path} (process {running[0].pid}, port "
            f"{running[1]}); stop it with `make stop`, or run another beside it with RUN_DIR=..."
        )


def _check_verified(mar: Path) -> None:
    if not mar.is_file():
        raise StartError(f"{mar}: there is no such archive; build it with `make archive`")
    if not is_verified(mar):
        raise StartError(
            f"{mar}: not verified, or changed since; run `make archive`, or "
            f"`python -m archive verify {mar} --stamp {stamp_of(mar)}`"
        )


def _key_pair(profile: Profile, folder: RunFolder) -> KeyPair | None:
    """Return the certificate and key to serve with; None without TLS."""
    if not profile.has_tls:
        return None
    if profile.given:
        check_given(profile.given)
        return profile.given
    hosts = dict.fromkeys((HOST, "localhost", profile.local_host, *profile.names))
    return make_certificate(folder.tls, list(hosts))


def _copy_archive(options: Options, folder: RunFolder) -> None:
    """Copy the archive to where the server takes it from; the copy is what is held to the stamp."""
    folder.archives.mkdir(mode=0o700)
    try:
        copy_verified(options.mar, folder.archives)
    except ClientError as error:
        raise StartError(str(error)) from error


def _config(options: Options, folder: RunFolder) -> str:
    ports, profile = options.ports, options.profile
    text = (CONFIG / CONFIG_NAME).read_text(encoding="utf-8")
    given = get_properties(text)
    sizes = sizes_for(usable_memory(), given).properties(given)
    return (
        text
        + "\n# Added for this server.\n"
        + "".join(f"{name}={value}\n" for name, value in sizes.items())
        + f"inference_address=http://{HOST}:{ports.behind}\n"
        f"management_address=http://{HOST}:{ports.management}\n"
        f"metrics_address=http://{profile.metrics_host}:{ports.metrics}\n"
        f"grpc_inference_address={HOST}\n"
        f"grpc_inference_port={ports.grpc_behind}\n"
        f"grpc_management_address={HOST}\n"
        f"grpc_management_port={ports.grpc_management}\n"
        f"metrics_config={CONFIG / 'metrics.yaml'}\n"
        f"model_store={folder.archives.resolve()}\n"
        f"load_models={options.model_name}={options.mar.name}\n"
    )


def _launch(options: Options, folder: RunFolder, java_home: Path) -> psutil.Process:
    """Start TorchServe in the background; return the front end's process."""
    command = [
        str(Path(sys.executable).with_name("torchserve")),
        "--start",
        "--ncs",
        "--ts-config",
        str(folder.config.resolve()),
        "--log-config",
        str(CONFIG / "log4j2.xml"),
        "--model-store",
        str(folder.archives.resolve()),
        *(["--enable-model-api"] if options.model_api else []),
    ]
    with (folder.logs / "console.log").open("wb") as console:
        launcher = subprocess.run(  # noqa: S603  our own command line
            command,
            cwd=folder.path,
            env=_environment(options, folder, java_home),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            umask=0o077,  # TorchServe closes its key file only after writing it
            check=False,
        )
    try:
        pid = int((folder.temporary / ".model_server.pid").read_text(encoding="utf-8"))
        return psutil.Process(pid)
    except (OSError, ValueError, psutil.Error) as error:
        cause = diagnosis.cause(folder.logs)
        raise StartError(
            f"TorchServe did not start (exit code {launcher.returncode}): {cause}"
        ) from error


def workers_for(asked: int | None, running: int, cores: int) -> int:
    """Return how many workers to have: one answers small photos while another decodes large ones.

    Args:
        asked: What was asked for; None if nothing was.
        running: Those that the archive's `minWorkers` has started.
        cores: Of this machine.
    """
    return asked or max(running, min(_WORKERS, cores))


def threads_for(workers: int, cores: int) -> int:
    """Return how many threads each worker's network gets: twice its share of the cores.

    While one worker decodes, or waits for its next batch, another may use its cores. On two cores
    two workers of two threads answer a lone client in 22 ms and four clients at 63 photos/s; of one
    thread each, in 35 ms and at 56 photos/s.
    """
    return max(1, min(cores, math.ceil(2 * cores / workers)))


def _environment(options: Options, folder: RunFolder, java_home: Path) -> dict[str, str]:
    # An inherited PYTHONPATH would come before the archive: the checkout would be served.
    refused = {"PYTHONPATH", "TS_CONFIG_FILE"}
    environment = {name: value for name, value in os.environ.items() if name not in refused}
    cores = usable_cores()
    logs, temporary = str(folder.logs.resolve()), str(folder.temporary.resolve())
    return environment | {
        "JAVA_HOME": str(java_home),
        "LOG_LOCATION": logs,
        "METRICS_LOCATION": logs,
        # TorchServe's launcher reads the first, its JVM the second.
        "TMPDIR": temporary,
        "TEMP": temporary,
        "MARIGOLD_THREADS": str(threads_for(workers_for(options.workers, 1, cores), cores)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _cause_of_death(logs: Path) -> str:
    """Return why a worker died; its traceback may reach the log after the line that it died."""
    end = time.monotonic() + _TRACEBACK_S
    while diagnosis.python_error(logs) is None and time.monotonic() < end:
        time.sleep(_POLL_S)
    return diagnosis.cause(logs)


def _ask_for_workers(management: ManagementClient, options: Options, running: int) -> int:
    """Ask for the workers that are still missing; return how many are wanted.

    Args:
        management: The server.
        options: What to serve.
        running: The workers that the archive's `minWorkers` has started. If these are too many,
            they stay for now: the end of one would look like a model that does not load.
    """
    workers = workers_for(options.workers, running, usable_cores())
    if workers > running:
        management.scale(options.model_name, workers, synchronous=False)
    return workers


def _wait_for_prediction(options: Options, front: ServerFront, process: psutil.Process) -> int:
    """Retry until a reference picture gets an answer, or until that has become impossible.

    All workers are asked for as soon as TorchServe listens, so they load side by side.

    Returns:
        How many are wanted.
    """
    addresses, folder = options.addresses, front.folder
    trust = Trust(pinned=front.pair.certificate if front.pair else None)
    tokens = Tokens(folder.key_file, addresses.management)
    management = _management(options, folder)
    inference = InferenceClient(addresses.inference, options.model_name, tokens=tokens, trust=trust)
    end = time.monotonic() + options.deadline_s
    workers = 0
    problem = "no worker is ready"
    while time.monotonic() < end:
        if not is_alive(process):
            raise StartError(f"TorchServe exited while starting: {diagnosis.cause(folder.logs)}")
        if diagnosis.worker_died(folder.logs):
            raise StartError(f"the model does not load: {_cause_of_death(folder.logs)}")
        try:
            status = management.describe(options.model_name)
            workers = workers or _ask_for_workers(management, options, len(status.workers))
            # Without a worker, a prediction would only wait in the queue.
            if status.ready_workers:
                front.start()
                inference.predict(draw_png(REFERENCE_NAMES[0]))
                return workers
        except ClientError as error:
            problem = str(error)
        time.sleep(_POLL_S)
    raise StartError(
        f"no prediction within {options.deadline_s:.0f} s ({problem}); see {folder.logs}"
    )
