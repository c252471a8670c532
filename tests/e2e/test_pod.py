"""The pod's container without an engine: its exact commands, in the image's folder."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import requests

from bench.lab.processes import at_work_in
from classifier.reference import REFERENCE_NAMES, draw_png
from server.ports import HOST, free_ports
from tests.deploy.image import fill
from tests.deploy.rendered import containers
from tests.e2e.served import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURE = draw_png(REFERENCE_NAMES[0])
KEY = {"Authorization": f"Bearer {'k' * 40}"}
PATIENCE_S = 300


@dataclass(frozen=True)
class Pod:
    """A process that stands for the container.

    Attributes:
        home: Holds what would be the image, the volumes, and the supervisor's socket.
        port: The first of its ports.
    """

    home: Path
    port: int

    @property
    def url(self) -> str:
        """What clients are given."""
        return f"http://{HOST}:{self.port}"

    def command(self, words: list[str]) -> list[str]:
        """Put this machine's places into a container's command."""
        if words[0] == "python":
            words = words[2:]
        places = {
            "/run/marigold": str(self.home / "run"),
            "/etc/marigold": str(self.home),
            "0.0.0.0": HOST,  # noqa: S104
            "8443": str(self.port),
        }
        for name, place in places.items():
            words = [word.replace(name, place) for word in words]
        root = ["--allow-root"] if words[1] == "start" and os.geteuid() == 0 else []
        return [sys.executable, "-m", *words, *root]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the container of the pod."""
        with (self.home / "server.log").open("ab") as log:
            return subprocess.Popen(
                self.command(containers("local")["server"]["args"]),
                cwd=self.home / "image",
                env=clean_environment() | {"NOTIFY_SOCKET": str(self.home / "notify")},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def probe(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run one of the server's probes."""
        words = [*containers("local")["server"][name]["exec"]["command"], "--timeout-s", "60"]
        return subprocess.run(
            self.command(words),
            cwd=self.home / "image",
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def log(self) -> str:
        """What the container has said."""
        return (self.home / "server.log").read_text(errors="replace")

    def predict(self, body: bytes = PICTURE, headers: dict[str, str] = KEY) -> requests.Response:
        """Ask as a client does."""
        return requests.post(
            f"{self.url}/predictions/flowers", data=body, headers=headers, timeout=60
        )


@pytest.fixture
def pod(archived: Served, tmp_path: Path) -> Pod:
    """The image's folder with the tests' archive, and a client's key."""
    pod = Pod(tmp_path, free_ports())
    fill(tmp_path / "image")
    (tmp_path / "image" / "model-store").symlink_to(archived.home / "store")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "shop").write_text("k" * 40)
    (tmp_path / "clients" / "shop").chmod(0o440)  # as the Secret is mounted
    (tmp_path / "run").mkdir()
    return pod


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave nothing behind, whatever happens; a server's own children end with its SIGTERM."""
    try:
        yield
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE_S)


def test_a_pod_from_its_first_probe_to_its_last_request(pod: Pod) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(pod.home / "notify"))
        supervisor.settimeout(PATIENCE_S)
        assert "no server is running" in pod.probe("startupProbe").stderr
        server = pod.start()
        with ended(server):
            assert supervisor.recv(100) == b"READY=1", pod.log()
            for name in ("startupProbe", "readinessProbe", "livenessProbe"):
                assert pod.probe(name).returncode == 0, name
            _ask_everything(pod)
            _take_a_new_key(pod)
            _survive_the_fronts_death(pod)
            _end_under_load(pod, server)
            assert supervisor.recv(100) == b"STOPPING=1"
    assert "POST /predictions/flowers" in pod.log()
    assert '"client":"shop"' in pod.log()
    assert "k" * 40 not in pod.log()


def _take_a_new_key(pod: Pod) -> None:
    """Add a client, as a changed Secret does; a mistake in it changes nothing."""
    (pod.home / "clients" / "other").write_text("o" * 40)
    (pod.home / "clients" / "other").chmod(0o440)
    _wait_for(pod, lambda: pod.predict(headers={"Authorization": f"Bearer {'o' * 40}"}))
    (pod.home / "clients" / "wrong").write_text("short")
    assert pod.predict().status_code == 200
    (pod.home / "clients" / "wrong").unlink()


def _survive_the_fronts_death(pod: Pod) -> None:
    (front,) = (each for each in at_work_in(pod.home / "run") if each.name() == "caddy")
    front.kill()
    front.wait(PATIENCE_S)
    _wait_for(pod, pod.predict)


def _wait_for(pod: Pod, ask: Callable[[], requests.Response]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(requests.ConnectionError):
            if ask().status_code == 200:
                return
    raise AssertionError(pod.log())


def _ask_everything(pod: Pod) -> None:
    assert pod.predict().status_code == 200
    assert requests.put(
        f"{pod.url}/predictions/flowers", data=PICTURE, headers=KEY, timeout=60
    ).json()
    refused = pod.predict(b"no image")
    assert (refused.status_code, refused.json()["type"]) == (400, "InvalidImage")
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "k" * 40}):
        reply = pod.predict(headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (401, "Unauthorized")
    large = pod.predict(bytes(33 * 2**20))
    assert (large.status_code, large.json()["type"]) == (413, "TooLarge")
    for path in ("/models", "/metrics", "/", "/predictions"):
        assert requests.get(pod.url + path, headers=KEY, timeout=60).status_code == 404
    assert requests.get(f"{pod.url}/predictions/flowers", timeout=60).status_code == 401
    assert (
        requests.get(f"{pod.url}/predictions/flowers", headers=KEY, timeout=60).status_code == 405
    )
    metrics = f"http://{HOST}:{pod.port + 2}"
    assert "ts_queue_latency_microseconds_count" in requests.get(f"{metrics}/metrics").text  # noqa: S113
    assert requests.post(f"{metrics}/predictions/flowers", timeout=60).status_code == 404


def _end_under_load(pod: Pod, server: subprocess.Popen[bytes]) -> None:
    """End the container as Kubernetes does; whoever was let in gets an answer."""
    told, statuses = threading.Event(), []

    def ask() -> None:
        while True:
            try:
                statuses.append(pod.predict().status_code)
            except requests.ConnectionError:
                # Refused, or closed while idle, which a Service's clients see of no pod that is
                # going: nobody is sent there any more after the ten seconds of preStop.
                if told.is_set():
                    return
                raise

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        while len(statuses) < 10:
            assert not any(future.done() for future in asking)
        told.set()
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0, pod.log()
        for future in asking:
            future.result()
    assert set(statuses) == {200}
    assert not (pod.home / "run" / "server" / "key_file.json").exists()
